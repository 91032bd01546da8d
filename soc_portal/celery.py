"""The Celery application and its static schedule. Messages are JSON and carry ids only."""

import os
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from celery.beat import Scheduler

from core import task_logs as _task_logs  # noqa: F401 - listens to what tasks do

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "soc_portal.settings")

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

app = Celery("soc_portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class HeartbeatScheduler(Scheduler):
    """A static schedule that leaves a sign of life at each tick, read by `/healthz`.

    Nothing is stored on disk: after a restart every entry is due once, and all scheduled tasks are idempotent sweeps.
    """

    max_interval = 2

    def setup_schedule(self) -> None:
        """Celery would let a whole interval pass first: what is done daily would never be done where the portal is
        started more often."""
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = LONG_AGO

    def tick(self, *args: Any, **kwargs: Any) -> float:
        delay: float = super().tick(*args, **kwargs)
        from core.heartbeat import beat_is_alive

        beat_is_alive()
        return min(delay, self.max_interval)
