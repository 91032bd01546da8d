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


def as_utc(moment: datetime) -> datetime | None:
    """The same moment in UTC, because the database does not know every zone that can be written; None when UTC has no
    year for it. `moment` has a zone."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


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
