"""Sweeps of live response."""

from celery import shared_task

from core import jobs
from live_response.services import batch
from live_response.services.outcome import SWEEP
from live_response.services.sweep import sweep


@shared_task
def sweep_sessions() -> None:
    jobs.woken(SWEEP)
    sweep()
    batch.advance_all()
