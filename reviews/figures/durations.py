"""How long it took: time to acknowledge, contain and resolve, as percentiles computed by the database.

Every time runs from the first activity of the incident's alerts (event time), as in the review: a slow feed must not
make us look fast. A percentile is the time of an incident that exists (discrete), so it can be found among the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.contrib.postgres.fields import ArrayField
from django.db.models import Aggregate, Count, F, FloatField, Func, Q, Value
from django.db.models.functions import Greatest

from core.wording import duration
from incidents.enums import IncidentStatus, Severity
from incidents.queries.incidents import OPEN, IncidentQuerySet
from reviews.figures.charts import spark
from reviews.figures.period import Period
from reviews.figures.population import Population

PERCENTILES = (5, 50, 90, 99)
ORDER = (Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFORMATIONAL, Severity.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Measure:
    """`column` holds the end; `without` are figures of those that have no such time, by their key in `rows`."""

    key: str
    short: str
    label: str
    column: str
    verb: str
    definition: str
    without: tuple[str, ...]


MEASURES: Mapping[str, Measure] = {
    "acknowledged": Measure(
        "acknowledged", "MTTA", "Time to acknowledge", "acknowledged", "acknowledged",
        "From the first activity of its alerts to the first owner or In progress, of incidents acknowledged in the "
        "period.", ("unacknowledged",),
    ),
    "contained": Measure(
        "contained", "MTTC", "Time to contain", "contained_at", "contained",
        "From the first activity to the first verified containment, of incidents contained in the period. One that is "
        "taken back before the close does not count; after the close it stays.", ("never_contained", "uncontained"),
    ),
    "resolved": Measure(
        "resolved", "MTTR", "Time to resolve", "resolved", "resolved",
        "From the first activity to the last close, of incidents closed in the period. Time after a reopening counts.",
        ("still_open",),
    ),
}  # fmt: skip


class Percentiles(Aggregate):
    """Discrete percentiles as an array of floats."""

    function = "PERCENTILE_DISC"
    template = (
        f"%(function)s(ARRAY[{','.join(str(p / 100) for p in PERCENTILES)}]) WITHIN GROUP (ORDER BY %(expressions)s)"
    )
    output_field = ArrayField(FloatField())


class _Seconds(Func):
    template = "EXTRACT(EPOCH FROM (%(expressions)s))::float8"
    arg_joiner = " - "
    output_field = FloatField()


def seconds_to(column: str) -> Greatest:
    """From the first activity to a mark; a clock that was set back counts as 0."""
    return Greatest(_Seconds(F(column), F("first_activity")), Value(0.0))


def in_period(measure: Measure, rows: IncidentQuerySet, period: Period) -> IncidentQuerySet:
    return rows.filter(**{f"{measure.column}__gte": period.since, f"{measure.column}__lt": period.until})


class Counted(Protocol):
    """Whatever says which incidents it is about."""

    def incidents(self) -> IncidentQuerySet: ...


@dataclass(frozen=True, slots=True)
class Times:
    """`percentiles` are seconds at 5, 50, 90 and 99 per cent; empty when there is no time."""

    count: int
    percentiles: tuple[float, ...]

    @property
    def median(self) -> float | None:
        return self.percentiles[1] if self.percentiles else None

    @property
    def most(self) -> float | None:
        """Nine of ten were quicker."""
        return self.percentiles[2] if self.percentiles else None

    def as_json(self) -> dict[str, Any]:
        names = [f"p{p}" for p in PERCENTILES]
        return {"count": self.count, **dict(zip(names, self.percentiles or [None] * 4, strict=True))}


def times(measure: Measure, population: Counted, period: Period) -> Times:
    rows = in_period(measure, population.incidents(), period).order_by()
    found = rows.aggregate(n=Count("pk"), at=Percentiles(seconds_to(measure.column)))
    return Times(found["n"], tuple(found["at"] or ()))


def times_by_severity(measure: Measure, population: Population, period: Period) -> dict[str, Times]:
    return _grouped(measure, population, period, "severity")


def times_by_owner(measure: Measure, population: Population, period: Period) -> dict[int | None, Times]:
    return _grouped(measure, population, period, "assigned_to")


def _grouped(measure: Measure, population: Population, period: Period, column: str) -> dict[Any, Times]:
    rows = in_period(measure, population.incidents(), period).order_by()
    grouped = rows.values(column).annotate(n=Count("pk"), at=Percentiles(seconds_to(measure.column)))
    return {value: Times(n, tuple(at or ())) for value, n, at in grouped.values_list(column, "n", "at")}


def trend(measure: Measure, population: Population, period: Period) -> dict[str, Any]:
    """The median of each part of the period as a line; parts without a time are bridged."""
    rows = in_period(measure, population.incidents(), period).order_by()
    grouped = rows.annotate(part=period.trunc(measure.column)).values("part")
    medians = dict(grouped.annotate(at=Percentiles(seconds_to(measure.column))).values_list("part", "at"))
    return spark([medians[part][1] if part in medians else None for part in period.parts()])


def missing(population: Population, period: Period) -> dict[str, int]:
    """How many have no such time; each says which rows it counts."""
    opened = Q(created__gte=period.since, created__lt=period.until)
    closed = Q(resolved__gte=period.since, resolved__lt=period.until, status=IncidentStatus.RESOLVED)
    rows = population.incidents().order_by()
    return rows.aggregate(
        unacknowledged=Count("pk", opened & Q(acknowledged=None)),
        never_contained=Count("pk", closed & Q(contained_at=None)),
        uncontained=Count("pk", Q(contained_at=None, status__in=OPEN)),
        still_open=Count("pk", opened & Q(status__in=OPEN)),
    )


MISSING: Mapping[str, str] = {
    "unacknowledged": "opened in the period, not acknowledged",
    "never_contained": "closed in the period, never contained",
    "uncontained": "open now, not contained",
    "still_open": "opened in the period, still open",
}


def cards(population: Population, period: Period) -> list[dict[str, Any]]:
    """One card for each of the three times, with what was before and what has no time."""
    lacking, found = missing(population, period), []
    for measure in MEASURES.values():
        now, then = times(measure, population, period), times(measure, population, period.before)
        found.append(
            {
                "measure": measure,
                "times": now,
                "value": duration(now.median) if now.median is not None else "",
                "facts": [
                    {"label": f"{p} %", "value": duration(at)}
                    for p, at in zip(PERCENTILES, now.percentiles, strict=bool(now.percentiles))
                    if p != 50
                ],
                "spark": trend(measure, population, period),
                "without": [
                    {"key": key, "count": lacking[key], "said": MISSING[key]} for key in measure.without if lacking[key]
                ],
                **_compared(now, then),
            }
        )
    return found


def _compared(now: Times, then: Times) -> dict[str, Any]:
    """Faster or slower than before; with fewer than five on a side nothing is claimed."""
    if now.median is None or then.median is None or min(now.count, then.count) < 5:
        return {"verdict": "", "good": True, "before": then}
    change = now.median - then.median
    said = f"{duration(abs(change))} {'faster' if change <= 0 else 'slower'}" if abs(change) >= 1 else "As fast"
    return {"verdict": said, "good": change <= 0, "before": then}


def table(population: Population, period: Period) -> list[dict[str, Any]]:
    """Median and 90 per cent of each time by severity; severities of which there is nothing are left out."""
    by_measure = [times_by_severity(measure, population, period) for measure in MEASURES.values()]
    rows = []
    for severity in ORDER:
        cells = [found.get(severity, Times(0, ())) for found in by_measure]
        if any(cell.count for cell in cells):
            rows.append({"severity": severity.value, "cells": list(zip(MEASURES, cells, strict=True))})
    return rows
