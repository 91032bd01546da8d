"""The evidence of an incident thing by thing: what several alerts name is told once, with who names it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Case, F, Min, Q, QuerySet, TextField, Value, When

from incidents.enums import EvidenceVerdict, RemediationStatus
from incidents.models import Evidence
from incidents.queries.evidence import EvidenceQuerySet

# One of its machine: the same command line or path on another one is another thing.
LOCAL = ("process", "registryKey", "registryValue")
OF_ENTITIES = ("device", "user", "file", "mailbox")
SAME = ("type", "thing", "place", "file_id", "identity_id", "mailbox_id")
MOST_NAMED, MOST_ROWS = 20, 6000
_WORST = [EvidenceVerdict.UNKNOWN, EvidenceVerdict.NO_THREATS_FOUND, EvidenceVerdict.SUSPICIOUS,
          EvidenceVerdict.MALICIOUS]  # fmt: skip


@dataclass(slots=True)
class Naming:
    """What the alerts that name a thing say of it together. `alerts` are (id, title, time), the newest first."""

    alerts: list[tuple[int, str, datetime]] = field(default_factory=list)
    verdict: str = EvidenceVerdict.UNKNOWN
    status: str = RemediationStatus.NONE
    places: set[int] = field(default_factory=set)

    @property
    def last(self) -> datetime | None:
        return self.alerts[0][2] if self.alerts else None

    @property
    def shown(self) -> list[tuple[int, str, datetime]]:
        return self.alerts[:MOST_NAMED]

    @property
    def more(self) -> int:
        return max(0, len(self.alerts) - MOST_NAMED)


def as_things(rows: EvidenceQuerySet) -> QuerySet[Evidence]:
    """The same rows, each with what makes it the same thing as another: the columns `SAME`."""
    entity = ~Q(file=None) | ~Q(identity=None) | ~Q(mailbox=None) | ~Q(device=None)
    named: Any = Case(When(key="", then=F("display")), default=F("key"), output_field=TextField())
    here = Q(type__in=[*LOCAL, "device"]) | Q(type="file", file=None)
    return rows.annotate(
        thing=Case(When(Q(type__in=OF_ENTITIES) & entity, then=Value("")), default=named, output_field=TextField()),
        place=Case(When(here, then=F("device_id"))),
    )


def firsts(things: QuerySet[Evidence]) -> QuerySet[Evidence]:
    """One row for each thing: the first that named it."""
    found = things.order_by().values(*SAME).annotate(first=Min("pk")).values("first")
    return things.filter(pk__in=found)


def count_by(things: QuerySet[Evidence], columns: Sequence[str]) -> dict[str, Counter[str]]:
    """By column and value, how many things it holds for."""
    known = list(things.order_by().values_list(*columns, *SAME).distinct())
    counts: dict[str, Counter[str]] = {}
    for at, column in enumerate(columns):
        counts[column] = Counter(value for value, *_same in {(row[at], *row[len(columns) :]) for row in known})
    return counts


def with_naming(shown: Iterable[Any], things: QuerySet[Any]) -> list[Any]:
    """The rows, each with `naming`: all alerts among `things` that name the same. Of very many the newest are named,
    but the worst verdict of all of them counts."""
    rows = list(shown)
    wanted = {_same(row): Naming() for row in rows}
    alike = things.filter(type__in={row.type for row in rows}, thing__in={row.thing for row in rows})
    if _add_all(wanted, alike.order_by("-alert__first_activity", "-pk")[:MOST_ROWS]) == MOST_ROWS:
        _add_all(wanted, things.filter(pk__in=[row.pk for row in rows if not wanted[_same(row)].alerts]))
        for *same, verdict in alike.order_by().values_list(*SAME, "verdict").distinct():
            if (naming := wanted.get(tuple(same))) is not None:
                naming.verdict = _worse(naming.verdict, verdict)
    for row in rows:
        row.naming = wanted[_same(row)]
    return rows


def _add_all(wanted: Mapping[tuple[Any, ...], Naming], rows: QuerySet[Any]) -> int:
    """How many were read."""
    said = rows.values_list(
        *SAME, "alert_id", "alert__title", "alert__first_activity", "verdict", "remediation_status", "device_id"
    )
    for row in said:
        naming = wanted.get(row[: len(SAME)])
        if naming is not None:
            _add(naming, *row[len(SAME) :])
    return len(said)


def _same(row: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in SAME)


def _add(naming: Naming, alert: int, title: str, at: datetime, verdict: str, status: str, device: int | None) -> None:
    """The worst verdict counts, and the newest word about what became of it."""
    naming.places.update([device] if device else [])
    if not naming.alerts or naming.alerts[-1][0] != alert:
        naming.alerts.append((alert, title, at))
    naming.verdict = _worse(naming.verdict, verdict)
    if naming.status == RemediationStatus.NONE:
        naming.status = status


def _worse(one: str, other: str) -> str:
    return max(one, other, key=lambda verdict: _WORST.index(EvidenceVerdict(verdict)))
