"""Work in a thread that really ends when the command is cancelled or its time is over."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

from soc_agent.journal import State

T = TypeVar("T")
# A step that hangs in the kernel is not waited for longer.
ENDS_WITHIN_S = 60.0


class Stopped(Exception):
    """The command was cancelled while it ran."""


class Stop:
    """What a long walk asks from time to time."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raises `Stopped` once nobody wants the outcome any more."""
        if self._event.is_set():
            raise Stopped


async def in_thread(
    work: Callable[[Stop], T], *, tell: Callable[[], None] = lambda: None, pool: Executor | None = None
) -> T:
    """Run it; when this is cancelled the work is told, and has ended before the cancellation goes on, which carries
    what the work answered (`left_by`). `tell` is called besides, `pool` is where it runs."""
    stop = Stop()
    running = asyncio.ensure_future(_started(work, stop, pool))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        tell()
        await asyncio.wait([running], timeout=ENDS_WITHIN_S)
        raise asyncio.CancelledError(_left(running)) from None


async def _started(work: Callable[[Stop], T], stop: Stop, pool: Executor | None) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, work, stop)


def _left(running: "asyncio.Future[Any]") -> dict[str, Any]:
    if not running.done():
        running.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return {"code": "still_running", "note": "A step of it was told to end and does not."}
    if running.cancelled() or running.exception() is not None:
        return {}
    match running.result():
        case (State(), dict() as result):
            return result
    return {}


def left_by(error: BaseException | None) -> dict[str, Any]:
    """What was done by a command that was stopped, as far as its work told."""
    told = error.args[0] if isinstance(error, asyncio.CancelledError) and error.args else {}
    return dict(told) if isinstance(told, dict) else {}
