"""Tasks of deliveries: each takes an id and moves one delivery one step."""

from celery import shared_task

from connectors.services.step import due_deliveries
from connectors.services.step import step_delivery as take_step
from connectors.services.watch import WARDEN, check_due
from core import jobs


@shared_task
def step_delivery(delivery_id: int) -> None:
    take_step(delivery_id)


@shared_task
def poll_deliveries() -> None:
    """The sweep that finds what a lost message or a dead worker has left behind."""
    jobs.woken("connectors.tasks.poll_deliveries")
    for delivery_id in due_deliveries():
        take_step(delivery_id)


@shared_task
def check_connections() -> None:
    check_due(actor=WARDEN)
