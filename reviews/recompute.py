"""Figures from the audit log alone, held against those from the tables. What differs by a second or more is a row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any

from core import clock
from incidents.enums import IncidentStatus, ServiceState
from incidents.models import Incident
from incidents.queries.incidents import IncidentQuerySet
from incidents.service_levels import RUNNING
from incidents.told_times import Told, told_times
from reviews.figures.durations import MEASURES, PERCENTILES, times
from reviews.figures.period import CUSTOM, Period

# Column of the table -> its name in what the log tells.
TIMES: Mapping[str, str] = {"first_activity": "first_activity", "sla_started": "started",
                            "acknowledged": "acknowledged", "contained_at": "contained",
                            "resolved": "resolved"}  # fmt: skip
CLOSE_ENOUGH_S = 1.0
COLUMNS = ("pk", "status", "severity", "created", "sla", *TIMES)


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that the log and the table tell differently."""

    incident: int
    what: str
    told: str
    stored: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`figures` are `{"measure", "log", "table"}` with percentiles in seconds. `untold` are incidents from before the
    log told their beginning; `unstored` are told of and no longer there (an exercise or retention took them)."""

    checked: int
    untold: int
    unstored: int
    figures: list[dict[str, Any]]
    differences: list[Difference]


@dataclass(frozen=True, slots=True)
class _Everything:
    """All incidents that the log is held against, whoever may see them."""

    keys: frozenset[int]

    def incidents(self) -> IncidentQuerySet:
        return Incident.objects.listed().filter(pk__in=self.keys)


def recompute(since: datetime, until: datetime) -> Outcome:
    """Compare the incidents that were opened, or reached one of their times, from `since` up to `until`."""
    told = told_times(clock.now())
    period = Period(CUSTOM, since, until, UTC, "day")
    rows = {row.pk: row for row in Incident.objects.only(*COLUMNS).iterator(chunk_size=2000)}
    concerned = [row for row in rows.values() if _concerns(row, told.get(row.pk), period)]
    known = [row for row in concerned if row.pk in told and told[row.pk].complete]
    untold = [row for row in concerned if row.pk not in told or not told[row.pk].complete]
    # Kept clocks and a log that does not know their beginning do not go together.
    unheard = [row for row in untold if row.sla_started is not None and row.status != IncidentStatus.REDIRECTED]
    differences = [Difference(row.pk, "beginning", "not told", _text(row.sla_started)) for row in unheard]
    for row in known:
        differences += _differing(row, told[row.pk])
    figures = _figures([told[row.pk] for row in known], known, period)
    differences += [
        Difference(0, f"{row['measure']} {name}", _seconds(row["log"], name), _seconds(row["table"], name))
        for row in figures for name in _unlike(row["log"], row["table"])
    ]  # fmt: skip
    unstored = sum(pk not in rows for pk in told)
    return Outcome(len(known), len(untold), unstored, figures, differences)


def _concerns(row: Incident, told: Told | None, period: Period) -> bool:
    marks = [row.created, row.acknowledged, row.contained_at, row.resolved]
    if told is not None:
        marks += [told.started, told.acknowledged, told.contained, told.resolved]
    return any(mark is not None and period.since <= mark < period.until for mark in marks)


def _differing(row: Incident, told: Told) -> Iterator[Difference]:
    stored_gone = row.status == IncidentStatus.REDIRECTED
    if stored_gone or told.gone:
        if stored_gone != told.gone:
            yield Difference(row.pk, "merged away", str(told.gone), str(stored_gone))
        return
    for column, name in TIMES.items():
        stored, heard = getattr(row, column), getattr(told, name)
        if not _alike(stored, heard):
            yield Difference(row.pk, column, _text(heard), _text(stored))
    if row.severity != told.severity:
        yield Difference(row.pk, "severity", told.severity, row.severity)
    for clock_name in sorted({*row.sla, *told.clocks}):
        stored_state, told_state = _state(row.sla.get(clock_name)), _state(told.clocks.get(clock_name))
        if stored_state != told_state:
            yield Difference(row.pk, f"service level: {clock_name}", told_state, stored_state)


def _state(stored: Mapping[str, Any] | None) -> str:
    """How a clock ended; of those that run, only whether a pause holds them: the rest is a matter of the moment."""
    if stored is None:
        return "none"
    state = str(stored["state"])
    return "running" if state in RUNNING and state != ServiceState.PAUSED else state


def _alike(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs((one - other).total_seconds()) < CLOSE_ENOUGH_S


def _figures(told: Sequence[Told], rows: Iterable[Incident], period: Period) -> list[dict[str, Any]]:
    everything = _Everything(frozenset(row.pk for row in rows))
    figures = []
    for key, measure in MEASURES.items():
        name = TIMES[measure.column]
        taken = [one.seconds_to(name) for one in told if not one.gone and _within(getattr(one, name), period)]
        log = _percentiles(sorted(value for value in taken if value is not None))
        table = times(measure, everything, period).as_json()
        figures.append({"measure": key, "log": log, "table": table})
    return figures


def _within(mark: datetime | None, period: Period) -> bool:
    return mark is not None and period.since <= mark < period.until


def _percentiles(ordered: Sequence[float]) -> dict[str, Any]:
    """Discrete percentiles, as the database computes them."""
    found: dict[str, Any] = {"count": len(ordered)}
    for p in PERCENTILES:
        found[f"p{p}"] = ordered[max(0, ceil(p * len(ordered) / 100) - 1)] if ordered else None
    return found


def _unlike(log: Mapping[str, Any], table: Mapping[str, Any]) -> list[str]:
    return [name for name, value in log.items() if not _close(value, table[name])]


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < CLOSE_ENOUGH_S


def _seconds(found: Mapping[str, Any], name: str) -> str:
    return "none" if found[name] is None else f"{found[name]:.3f}"


def _text(moment: datetime | None) -> str:
    return "never" if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")
