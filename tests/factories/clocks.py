"""The machine's clock, as far as the portal sees it, put wrong and right again."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest

from core import clock

Moved = Callable[..., None]


def mover(monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    """For a fixture: `moved(days=1)` moves the clock from now on, `moved()` puts it right."""

    def move(**by: float) -> None:
        class Skewed(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return datetime.now(tz) + timedelta(**by)

        monkeypatch.setattr(clock, "datetime", Skewed)

    yield move
    monkeypatch.undo()
