"""How long what is kept: rooms declare their kinds, an administrator sets days, and a sweep deletes what is older.

Nothing is deleted that somebody has a reason to keep: such reasons are declared too (`keep_back`), and a preview tells
how much goes and how much stays for which reason. The audit log is not among the kinds: it is kept for good.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, QuerySet

from core import audit, clock, options
from core.actors import Actor
from core.options import Option
from core.pagination import counted

SWEEP = Actor.system("retention")
BATCH = 200
LONGEST = 36_500


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of row. `old` answers the rows of the kind whose time is up at a moment, `age` names the column that it
    looks at. `forget` deletes the rows of these keys with all that belongs to them, in the caller's transaction, and
    answers how many rows of the kind went. `days` is the default (0 keeps for good), `least` the fewest but 0.
    """

    key: str
    label: str
    help: str
    old: Callable[[datetime], QuerySet[Any]]
    age: str
    forget: Callable[[Sequence[int]], int]
    days: int = 0
    least: int = 30

    @property
    def option(self) -> str:
        return f"retention.{self.key}_days"


@dataclass(frozen=True, slots=True)
class Keeper:
    """A reason to keep rows that are old enough; `among` narrows such rows to those it holds for."""

    why: str
    among: Callable[[QuerySet[Any]], QuerySet[Any]]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would go now under so many days, counted to 10,000 (10,001 stands for more); `kept` is `[(why, count)]`."""

    kind: Kind
    days: int
    count: int = 0
    oldest: datetime | None = None
    kept: tuple[tuple[str, int], ...] = ()


_kinds: dict[str, Kind] = {}
_keepers: dict[str, list[Keeper]] = {}
_with: dict[str, list[Callable[[Sequence[int]], None]]] = {}


def declare(kind: Kind) -> Kind:
    """Register a kind with its option; twice is a mistake in the code and raises at start."""
    if kind.key in _kinds:
        raise LookupError(f"The kind {kind.key!r} is declared twice.")
    options.declare(
        Option(kind.option, kind.days, f"Retention: days that {kind.label.lower()} are kept",
               help=f"{kind.help} 0 keeps them for good; else at least {kind.least}.", minimum=0, maximum=LONGEST)
    )  # fmt: skip
    _kinds[kind.key] = kind
    return kind


def keep_back(kind: str, why: str, among: Callable[[QuerySet[Any]], QuerySet[Any]]) -> None:
    """Declare a reason to keep rows of a kind."""
    _keepers.setdefault(kind, []).append(Keeper(why, among))


def forget_with(kind: str, forget: Callable[[Sequence[int]], None]) -> None:
    """Have what a later room keeps of these rows deleted before they are, in the same transaction."""
    _with.setdefault(kind, []).append(forget)


def kinds() -> list[Kind]:
    return list(_kinds.values())


def days_in_force() -> dict[str, int]:
    """By key of the kind, with one query."""
    values = options.get_many("retention.")
    return {kind.key: values[kind.option] for kind in kinds()}


def complaint(kind: Kind, days: int) -> str:
    """Why so many days cannot be set; empty when they can."""
    if days and days < kind.least:
        return f"{kind.label}: 0 keeps them for good; else at least {kind.least} days."
    return "" if 0 <= days <= LONGEST else f"{kind.label}: between 0 and {LONGEST:,} days."


def previews(days: Mapping[str, int] | None = None) -> list[Preview]:
    """For every kind, under the days in force or under others that are being considered."""
    wanted = {**days_in_force(), **(days or {})}
    return [_preview(kind, wanted[kind.key]) for kind in kinds()]


def _preview(kind: Kind, days: int) -> Preview:
    if not days:
        return Preview(kind, days)
    old = kind.old(_edge(days))
    going = _due(kind, old)
    kept = ((keeper.why, counted(keeper.among(old))) for keeper in _keepers.get(kind.key, ()))
    oldest = going.order_by().aggregate(at=Min(kind.age))["at"]
    return Preview(kind, days, counted(going), oldest, tuple((why, count) for why, count in kept if count))


def _edge(days: int) -> datetime:
    return clock.now() - timedelta(days=days)


def _due(kind: Kind, old: QuerySet[Any]) -> QuerySet[Any]:
    for keeper in _keepers.get(kind.key, ()):
        old = old.exclude(pk__in=keeper.among(old).values("pk"))
    return old


def apply(*, actor: Actor = SWEEP, for_seconds: float = 120.0) -> dict[str, int]:
    """Delete what is due, oldest first and in small transactions, until nothing is or the time is over; answers how
    many rows of each kind went. Safe to call at any time and twice at once."""
    until, gone = time.monotonic() + for_seconds, {}
    for key, days in days_in_force().items():
        kind = _kinds[key]
        if days and not complaint(kind, days):
            gone[key] = _apply(kind, days, actor, until)
    return {key: count for key, count in gone.items() if count}


def _apply(kind: Kind, days: int, actor: Actor, until: float) -> int:
    edge, gone = _edge(days), 0
    while time.monotonic() < until:
        with transaction.atomic():
            due = _due(kind, kind.old(edge)).order_by(kind.age, "pk")
            keys = list(due.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:BATCH])
            if not keys:
                break
            for forget in _with.get(kind.key, ()):
                forget(keys)
            count = kind.forget(keys)
            audit.record("retention.applied", subject=f"retention:{kind.key}", actor=actor,
                         data={"rows": count, "older_than": edge, "days": days})  # fmt: skip
        gone += count
    return gone
