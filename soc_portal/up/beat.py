"""Celery's clock as a thread of the supervisor: it holds no state and a process of its own would cost its imports."""

import contextlib
import logging
import os
import threading
from typing import Any

_log = logging.getLogger(__name__)


class Beat:
    """Restarted by the supervisor when it ends, which it does when the broker is away."""

    def __init__(self) -> None:
        self._service: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        # Imported here: it reads the settings, which exist once the servers' addresses are known.
        from celery.beat import Service

        from soc_portal.celery import app

        self._service = Service(app=app, scheduler_cls=app.conf.beat_scheduler)
        self._thread = threading.Thread(target=self._run, args=(self._service,), name="beat", daemon=True)
        self._thread.start()
        # The first sign of life of the worker, as soon as it listens, instead of after a whole interval.
        with contextlib.suppress(Exception):
            app.send_task("core.tasks.worker_heartbeat", expires=10)

    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Within the longest pause between two ticks; as a daemon thread it never delays the end."""
        if self._service is not None:
            self._service.stop()
        self._service = None

    @staticmethod
    def _run(service: Any) -> None:
        try:
            service.start()
        except Exception as error:  # noqa: BLE001 - the supervisor starts it again, whatever it was
            _log.warning("beat of process %d stopped: %s", os.getpid(), error)
