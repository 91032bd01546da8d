"""The Celery workers of an instance, whose children end when they are killed: one for what comes and is done, and one
process for what is sent outside, so that neither a long report nor a slow mail server holds the other back, and one
that signs orders for endpoint agents."""

import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from celery.signals import worker_before_create_process, worker_process_init

from soc_portal.celery import app
from soc_portal.up.processes import die_with_parent

MAIL, SIGNER, ANALYSIS = "mail", "signer", "analysis"
# By the word on the command line: the queues, and how they are worked on.
WORKERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "main": (("default", "ingest", "actions", "reports"), ("--concurrency=3",)),
    # Every call outside has its own time limit; a single process is enough and small.
    MAIL: (("mail",), ("--pool=solo",)),
    # The one process with the key by which endpoint agents believe an order.
    SIGNER: (("signing",), ("--pool=solo",)),
    # Runs hostile files: only where an administrator allows it on the portal's own host.
    ANALYSIS: (("analysis",), ("--pool=solo",)),
}


@worker_before_create_process.connect
def share_what_is_loaded(**_: Any) -> None:
    """What the parent has loaded stays one copy: a child that collects garbage would write to every page of it."""
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def end_with_the_main_process(**_: Any) -> None:
    die_with_parent(signal.SIGKILL, os.getppid())


def main(arguments: Sequence[str] = ()) -> None:
    which = next(iter(arguments), "main")
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
    main(sys.argv[1:])
