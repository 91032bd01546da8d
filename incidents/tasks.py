"""Sweeps of the incidents room. Every one is idempotent and safe to run twice at once."""

from datetime import timedelta

from celery import shared_task

from core import clock, jobs
from incidents.correlation.engine import correlate_waiting
from incidents.correlation.hubs import forget_quiet_hubs
from incidents.correlation.second_look import look_again
from incidents.models import Alert
from incidents.services import dead_letter_alarm
from incidents.services.service_levels import AT_ONCE, SWEEPER, sweep_service_levels

SECOND_LOOK_EVERY = timedelta(minutes=15)


@shared_task
def correlate_pending() -> None:
    """Correlate what waits; when the time of one run is over, the next goes on."""
    jobs.woken("incidents.tasks.correlate_pending")
    if correlate_waiting(for_seconds=30.0).time_over:
        jobs.wake("incidents.tasks.correlate_pending")


@shared_task
def advance_service_levels() -> None:
    """At most 20 batches a run; what is left is found by the next."""
    for _ in range(20):
        if sweep_service_levels(actor=SWEEPER) < AT_ONCE:
            return


@shared_task
def look_again_at_untouched() -> None:
    """Put untouched incidents together anew when alerts have come since the last time."""
    if Alert.objects.filter(created__gte=clock.now() - SECOND_LOOK_EVERY).exists():
        look_again()


@shared_task
def watch_dead_letters() -> None:
    dead_letter_alarm.watch_dead_letters(actor=dead_letter_alarm.SENTRY)


@shared_task
def forget_hubs() -> None:
    forget_quiet_hubs()
