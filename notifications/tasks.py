"""Sweeps of telling. Every one is idempotent and safe to run twice at once."""

from celery import shared_task

from core import jobs
from notifications.services.route import route_due


@shared_task
def route_messages() -> None:
    jobs.woken("notifications.tasks.route_messages")
    route_due()
