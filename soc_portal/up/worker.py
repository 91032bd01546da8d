"""The Celery worker of an instance: one process for all queues, whose children end when it is killed."""

import os
import signal
from typing import Any

from celery.signals import worker_process_init

from soc_portal.celery import app
from soc_portal.up.processes import die_with_parent

QUEUES = ("default", "ingest", "actions", "reports")
CHILDREN = 3


@worker_process_init.connect
def end_with_the_main_process(**_: Any) -> None:
    die_with_parent(signal.SIGKILL, os.getppid())


def main() -> None:
    app.worker_main(
        [
            "worker",
            f"--queues={','.join(QUEUES)}",
            f"--concurrency={CHILDREN}",
            "--hostname=soc@localhost",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )


if __name__ == "__main__":
    main()
