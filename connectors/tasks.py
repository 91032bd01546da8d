"""Tasks of deliveries: each takes an id and moves one delivery one step."""

from celery import shared_task

from connectors.services.agents.hits import forget_hits
from connectors.services.agents.orders import LINE
from connectors.services.agents.silence import tell_of_silence
from connectors.services.agents.uploads import forget_ended, forget_stale
from connectors.services.step import due_deliveries
from connectors.services.step import step_delivery as take_step
from connectors.services.watch import WARDEN, check_due
from connectors.signing.sign import sign_waiting as sign_what_waits
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


@shared_task
def sign_waiting() -> None:
    """Runs on the signer's own queue: no other process has the key."""
    jobs.woken("connectors.tasks.sign_waiting")
    sign_what_waits()


@shared_task
def look_after_agents() -> None:
    """Agents that fell silent, files that were never finished, or that nobody takes any more."""
    tell_of_silence(actor=LINE)
    forget_ended()
    forget_stale()
    forget_hits()
