"""Which detectors are right, and which only make noise: by the verdict on the alerts that arrived in the period.

An alert's own classification counts, else that of its incident. An alert without either is not judged and is in no
rate. The interval is Wilson's at 95 %: it says how little a rate from a few alerts means.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any

from django.db.models import Case, CharField, Count, F, Max, Q, Value, When
from django.db.models.functions import Coalesce, NullIf

from incidents.enums import Classification
from incidents.models import Alert
from incidents.queries.alerts import AlertQuerySet
from incidents.wording import source_label
from reviews.figures.period import Period
from reviews.figures.population import Population

Z = 1.959964
MOST = 200
NOISY_FROM, NOISY_SHARE = 10, 0.5


@dataclass(frozen=True, slots=True)
class Detector:
    """`low` and `high` are the ends of the interval; `before` is the rate of the span before, None when nothing was
    judged."""

    source: str
    name: str
    title: str
    alerts: int
    judged: int
    false: int
    low: float
    high: float
    before: float | None
    alerts_before: int

    @property
    def source_label(self) -> str:
        return source_label(self.source)

    @property
    def rate(self) -> float | None:
        return self.false / self.judged if self.judged else None

    @property
    def percent(self) -> int | None:
        return None if self.rate is None else round(100 * self.rate)

    @property
    def change(self) -> int | None:
        """In points of a hundred, against the span before."""
        if self.rate is None or self.before is None:
            return None
        return round(100 * (self.rate - self.before))

    @property
    def is_noisy(self) -> bool:
        """Even the kind end of the interval says that most of it is false, or it fires a lot and is never right."""
        return self.judged >= NOISY_FROM and self.low >= NOISY_SHARE

    @property
    def bar(self) -> dict[str, float]:
        """The interval and the rate in a box of 120."""
        low, high = 120 * self.low, 120 * self.high
        return {"x": round(low, 1), "width": round(max(high - low, 1), 1), "at": round(120 * (self.rate or 0), 1)}

    def as_json(self) -> dict[str, Any]:
        low, high = (self.low, self.high) if self.judged else (None, None)
        return {"source": self.source, "detector": self.name, "title": self.title, "alerts": self.alerts,
                "judged": self.judged, "false_positives": self.false, "rate": self.rate, "low": low, "high": high,
                "rate_before": self.before, "alerts_before": self.alerts_before, "noisy": self.is_noisy}  # fmt: skip


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share; everything is possible when nothing was judged."""
    if not n:
        return 0.0, 1.0
    share = hits / n
    middle, spread = share + Z * Z / (2 * n), Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + Z * Z / n)), min(1.0, (middle + spread) / (1 + Z * Z / n))


def named(rows: AlertQuerySet) -> Any:
    """With `detector`, its id or what it calls itself, and `verdict`."""
    detector = Coalesce(NullIf("detector_id", Value("")), F("title"), output_field=CharField())
    own = NullIf("classification", Value(Classification.UNKNOWN.value))
    verdict = Coalesce(own, F("incident__classification"), output_field=CharField())
    return rows.annotate(detector=detector, verdict=verdict)


def alerts_of(population: Population, period: Period, *, source: str = "", detector: str = "") -> Any:
    """Of the filters of the population only its person counts here: an alert may have no incident yet."""
    seen = Alert.objects.visible_to(population.user)
    rows = seen.filter(created__gte=period.since, created__lt=period.until)
    if population.without_restricted:
        rows = rows.exclude(incident__restricted=True)
    if source:
        rows = rows.filter(source=source)
    found = named(rows)
    return found.filter(detector=detector) if detector else found


def detectors(population: Population, period: Period, *, source: str = "") -> list[Detector]:
    """The busiest of the period, most false positives first. Two queries."""
    now = _counts(population, period, source)
    then = {(row["source"], row["detector"]): row for row in _counts(population, period.before, source)}
    found = [_detector(row, then.get((row["source"], row["detector"]))) for row in now]
    return sorted(found, key=lambda one: (not one.is_noisy, -one.false, -one.alerts, one.source, one.name))


def _counts(population: Population, period: Period, source: str) -> list[dict[str, Any]]:
    false = Q(verdict=Classification.FALSE_POSITIVE)
    judged = Case(When(~Q(verdict=Classification.UNKNOWN) & Q(verdict__isnull=False), then=1))
    grouped = alerts_of(population, period, source=source).order_by().values("source", "detector")
    counted = grouped.annotate(said=Max("title"), alerts=Count("pk"), judged=Count(judged), false=Count("pk", false))
    return list(counted.order_by("-alerts", "source", "detector")[:MOST])


def _detector(row: dict[str, Any], then: dict[str, Any] | None) -> Detector:
    low, high = wilson(row["false"], row["judged"])
    before = then["false"] / then["judged"] if then and then["judged"] else None
    counts = (row["alerts"], row["judged"], row["false"])
    earlier = then["alerts"] if then else 0
    return Detector(row["source"], row["detector"], row["said"], *counts, low, high, before, earlier)
