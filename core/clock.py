"""The one source of "now", so that history can be played through the ordinary services.

Everything that stamps a row asks this module; the database's own `now()` is never used for product times.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_frozen: ContextVar[datetime | None] = ContextVar("clock", default=None)


def now() -> datetime:
    """The current time, UTC with zone; the injected time inside `at()`."""
    return _frozen.get() or datetime.now(UTC)


def real_now() -> datetime:
    """The wall clock, whatever is injected: for leases, time-outs and heartbeats."""
    return datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let `now()` answer `moment` (UTC with zone) inside the block, in this thread only."""
    if moment.tzinfo is None:
        raise ValueError("The clock needs a time with a zone.")
    token = _frozen.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _frozen.reset(token)
