"""Sweeps of telling. Every one is idempotent and safe to run twice at once."""

from celery import shared_task

from core import jobs
from notifications.services import connection_pulse, digest, forget, pulse
from notifications.services.put_right import put_right
from notifications.services.route import SEND, route_due
from notifications.services.send import due_dispatches, send_dispatch
from notifications.services.tell import ROUTE


@shared_task
def route_messages() -> None:
    jobs.woken(ROUTE)
    route_due()


@shared_task
def send_due() -> None:
    """Each on its own: a slow mail server keeps one worker busy, not the row of the next one locked."""
    jobs.woken(SEND)
    for pk in due_dispatches():
        send_dispatch(pk)


@shared_task
def put_times_right() -> None:
    put_right()


@shared_task
def order_digests() -> None:
    for pk in digest.due_digests():
        digest.order_digest(pk, actor=digest.CLOCK)


@shared_task
def forget_old_news() -> None:
    forget.forget_hits()


@shared_task
def find_silent_sources() -> None:
    connection_pulse.watch_connections(actor=pulse.SENTRY)
    pulse.find_silent(actor=pulse.SENTRY)
