"""The Celery workers of an instance, whose children end when they are killed: one for what comes and is done, and one
process for what is sent outside, so that neither a long report nor a slow mail server holds the other back."""

import os
import signal
import sys
from typing import Any

from celery.signals import worker_process_init

from soc_portal.celery import app
from soc_portal.up.processes import die_with_parent

MAIL = "mail"
# By the word on the command line: the queues, and how they are worked on.
WORKERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "main": (("default", "ingest", "actions", "reports"), ("--concurrency=3",)),
    # Every call outside has its own time limit; a single process is enough and small.
    MAIL: (("mail",), ("--pool=solo",)),
}


@worker_process_init.connect
def end_with_the_main_process(**_: Any) -> None:
    die_with_parent(signal.SIGKILL, os.getppid())


def main(which: str = "main") -> None:
    queues, pool = WORKERS[which]
    app.worker_main(
        [
            "worker",
            f"--queues={','.join(queues)}",
            *pool,
            f"--hostname={'soc' if which == 'main' else which}@localhost",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
