"""Whether the house is prepared: each room declares checks beside what it knows, and they are computed, never ticked.

A check is one declaration. Its `compute` gets a `Look`: the time, and who asks. Somebody who sees a part of the portal
is told of that part; nobody (None) stands for the portal as a whole, of which the history is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

# A finding lists so many things by name; the rest is a number.
MOST_ROWS = 12


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    MISSING = "missing"

    @property
    def label(self) -> str:
        return {"ok": "Holds", "warn": "In part", "missing": "Missing"}[self.value]


class Group(StrEnum):
    PEOPLE = "people"
    RESPONSE = "response"
    DATA = "data"
    SOURCES = "sources"
    PREPARATION = "preparation"

    @property
    def label(self) -> str:
        return self.value.capitalize()


# The worse, the higher: a check falls when its number rises.
_BADNESS = {State.OK: 0, State.WARN: 1, State.MISSING: 2}


@dataclass(frozen=True, slots=True)
class Look:
    """Who asks, and when. `reader` is a user of the portal, or None for the whole of it."""

    now: datetime
    reader: Any = None

    @property
    def is_whole(self) -> bool:
        return self.reader is None or bool(self.reader.scope.everything)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that the finding is about, and where it is mended."""

    label: str
    note: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `count` of `of` hold, where it counts at all; `more` rows are not listed."""

    state: State
    sentence: str
    count: int | None = None
    of: int | None = None
    rows: tuple[Row, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so before the bad night. `url` is where it is mended, `verb` what the link says,
    `mended_by` the right that this takes. `rows_for` is the right to read things by name, where reading the page is
    not enough. With `whole` it is told to those alone who see everything."""

    key: str
    label: str
    group: Group
    why: str
    compute: Callable[[Look], Finding]
    url: str
    verb: str
    mended_by: str
    rows_for: str = ""
    whole: bool = False
    order: int = field(default=100)


_declared: dict[str, Check] = {}


def declare(check: Check) -> Check:
    """Register a check; a key declared twice is a mistake in the code and raises at start."""
    if check.key in _declared:
        raise LookupError(f"The check {check.key!r} is declared twice.")
    _declared[check.key] = check
    return check


def declared() -> list[Check]:
    """By group, then in the order that the declarations ask for."""
    groups = list(Group)
    return sorted(_declared.values(), key=lambda check: (groups.index(check.group), check.order, check.key))


def is_worse(state: str, than: str) -> bool:
    return _BADNESS[State(state)] > _BADNESS[State(than)]


def listed(rows: list[Row]) -> tuple[tuple[Row, ...], int]:
    """The first rows, and how many are left out."""
    return tuple(rows[:MOST_ROWS]), max(0, len(rows) - MOST_ROWS)
