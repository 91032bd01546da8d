"""The process that the others of an instance are forked from: what all of them load is loaded once and lies in memory
once. It serves nobody, opens no connection, has one thread and never reads a key of the signer. Its children are the
supervisor's own.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from soc_portal.up import agent_line, web, worker
from soc_portal.up.forked import LONGEST, MODULE, READY, Order
from soc_portal.up.processes import die_with_parent

# The line to the supervisor stands where others have their input, so that one call takes it from a child.
_LINE = 0
_PATIENCE_S = 10.0
# What may be asked for; by the module that a plain start would run.
MAINS: dict[str, Callable[[Sequence[str]], None]] = {
    "soc_portal.up.web": web.main,
    "soc_portal.up.agent_line": agent_line.main,
    "soc_portal.up.worker": worker.main,
}
# What is loaded by its name otherwise, at the first use.
_BY_NAME = (
    "a2wsgi", "celery.app.amqp", "celery.app.control", "celery.app.events", "celery.app.log", "celery.apps.worker",
    "celery.bin.celery", "celery.concurrency.prefork", "celery.concurrency.solo", "celery.worker.autoscale",
    "celery.worker.components", "celery.worker.consumer", "celery.worker.consumer.delayed_delivery",
    "celery.worker.loops", "celery.worker.pidbox", "celery.worker.strategy", "connectors.agent_line.app",
    "core.live_stream", "kombu.transport.redis", "uvicorn.lifespan.on", "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
)  # fmt: skip


def main(supervisor: int) -> Order | None:
    """In a child: what it shall be."""
    rename(["-P", "-m", MODULE])
    load()
    if reason := why_no_parent():
        sys.exit(f"nothing is forked from this process: {reason}")
    return serve(supervisor)


def load() -> None:
    """Everything that a process of the portal needs before its first request, task or poll."""
    import django

    django.setup()
    from django.core.wsgi import get_wsgi_application
    from django.urls import get_resolver

    from soc_portal.celery import app

    get_wsgi_application()
    get_resolver().url_patterns  # noqa: B018 - reading it loads the views
    app.loader.import_default_modules()
    app.finalize()
    for name in _BY_NAME:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a round of the collector in a child would write to every page


def why_no_parent() -> str:
    """Why nothing may be forked from this process: a thread or a connection would be torn in two."""
    # Threads that Python does not know of are threads, too.
    if threading.active_count() > 1 or len(list(Path("/proc/self/task").iterdir())) > 1:
        return "it has more than one thread"
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers
        with contextlib.suppress(OSError):
            if int(name) != _LINE and stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                return "it has an open connection"
    return ""


def serve(supervisor: int) -> Order | None:
    """Answer orders until the supervisor hangs up. In a child: its order."""
    os.write(_LINE, READY)
    while said := os.read(_LINE, LONGEST):
        order = Order.heard(said)
        if order.module not in MAINS:
            raise ValueError(order.module)
        if _fork_for(supervisor):
            _settle_in(order)
            return order
    return None


def _fork_for(supervisor: int) -> bool:
    """True in the new process. The one between ends at once; the supervisor, who asked the kernel for orphans, becomes
    the parent: it hears of the end, and the kernel ends the child with it."""
    if between := os.fork():
        os.waitpid(between, 0)
        return False
    between = os.getpid()
    if os.fork():
        os._exit(0)
    deadline = time.monotonic() + _PATIENCE_S
    while os.getppid() == between and time.monotonic() < deadline:
        time.sleep(0.001)
    if os.getppid() != supervisor:
        os._exit(1)
    die_with_parent(signal.SIGKILL, supervisor)
    return True


def _settle_in(order: Order) -> None:
    """A session, a log and no input of its own, and the name that a plain start would have; then the supervisor is
    told, and the nursery's line is closed."""
    os.setsid()
    log = os.open(order.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    nothing, line = os.open(os.devnull, os.O_RDONLY), os.dup(_LINE)
    for opened, place in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(opened, place)
    # Celery would look through every model and address in each worker, and throw away what it found.
    os.environ["CELERY_SKIP_CHECKS"] = "1"
    sys.argv = [order.module, *order.arguments]
    rename(order.words)
    os.write(line, str(os.getpid()).encode())
    for opened in (line, log, nothing):
        os.close(opened)


def rename(words: Sequence[str]) -> None:
    """What `ps` shows. The kernel reads it where the words of the start lie, up to the first zero when the last byte is
    none."""
    shown = os.fsencode(" ".join([sys.executable, *words]))
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, room = int(fields[45]), int(fields[46]) - int(fields[45])
        if room > len(shown) + 1:
            ctypes.memmove(start, shown.ljust(room - 1, b"\0") + b" ", room)


if __name__ == "__main__":
    if wanted := main(int(sys.argv[1])):
        MAINS[wanted.module](wanted.arguments)
