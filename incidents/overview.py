"""The figures of the overview: what is open, how quickly it went, what came in, what it turned out to be."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import TruncDate

from accounts.models import User
from core.wording import MONTHS, duration
from incidents.enums import Classification, IncidentStatus, Severity
from incidents.models import Incident
from incidents.queries.incidents import OWNERLESS, IncidentQuerySet
from incidents.queue import standard

BURNING = 85
WIDTH, HEIGHT, TOP = 720, 150, 10
CLOCKS = (
    ("Time to acknowledge", "acknowledged", "acknowledged"),
    ("Time to contain", "contained_at", "contained"),
    ("Time to resolve", "resolved", "resolved"),
)
BANDS = ((Severity.HIGH, "h"), (Severity.MEDIUM, "m"), (Severity.LOW, "l"))


@dataclass(frozen=True, slots=True)
class Open:
    total: int
    high: int
    medium: int
    low: int
    high_unowned: int
    beside: int


def burning(user: User) -> Incident | None:
    """The one incident that everybody should know of now: open, of the top band, the worst first."""
    rows = Incident.objects.visible_to(user).open().filter(priority_score__gt=BURNING).select_related("assigned_to")
    return rows.order_by("-priority_score", "-last_activity", "-id").first()


def open_now(user: User, *, now: datetime) -> Open:
    """What the queue shows by default, by severity, and what is open beside that."""
    shown = standard(user, now=now)
    found = shown.aggregate(
        total=Count("pk"),
        high=Count("pk", Q(severity=Severity.HIGH)),
        medium=Count("pk", Q(severity=Severity.MEDIUM)),
        low=Count("pk", Q(severity=Severity.LOW)),
        high_unowned=Count("pk", Q(OWNERLESS, severity=Severity.HIGH)),
    )
    everything = Incident.objects.visible_to(user).open().counted()
    return Open(**found, beside=max(0, everything - found["total"]))


def clocks(user: User, *, since: datetime, now: datetime) -> list[dict[str, Any]]:
    """Time to acknowledge, contain and resolve of what reached that point since `since`, against the span before it."""
    rows = Incident.objects.visible_to(user).listed()
    before = since - (now - since)
    cards = []
    for name, column, verb in CLOCKS:
        times = _seconds(rows, column, since, now)
        cards.append({"name": name, "verb": verb, **_spoken(times, _seconds(rows, column, before, since))})
    return cards


def _seconds(rows: IncidentQuerySet, column: str, start: datetime, end: datetime) -> list[float]:
    """From the first activity, as in the review, to the mark, for marks in the span; a clock set back counts as 0."""
    pairs = rows.filter(**{f"{column}__gte": start, f"{column}__lt": end}).values_list("first_activity", column)[
        :20_000
    ]
    return sorted(max(0.0, (mark - begin).total_seconds()) for begin, mark in pairs)


def _spoken(times: Sequence[float], earlier: Sequence[float]) -> dict[str, Any]:
    if not times:
        return {"value": "", "facts": [], "verdict": "", "good": True, "count": 0}
    half, most = times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.9))]
    card: dict[str, Any] = {
        "value": duration(half),
        "facts": [{"label": "9 of 10 under", "value": duration(most)}],
        "count": len(times), "verdict": "", "good": True,
    }  # fmt: skip
    if len(earlier) >= 5 and len(times) >= 5:
        change = half - earlier[len(earlier) // 2]
        card["good"] = change <= 0
        card["verdict"] = f"{duration(abs(change))} {'faster' if change <= 0 else 'slower'}" if abs(change) >= 1 else ""
    return card


def opened_by_day(user: User, *, days: int, now: datetime, zone: tzinfo) -> dict[str, Any]:
    """Bars of a stacked chart in a box of 720 x 150, the figures for its table, and the highest day."""
    first = (now.astimezone(zone) - timedelta(days=days - 1)).date()
    counts = _counts(user, first, now, days, zone)
    dates = [first + timedelta(days=place) for place in range(days)]
    top = max((sum(counts[day, band] for band, _css in BANDS) for day in dates), default=0) or 1
    step = WIDTH / days
    bars, labels = [], []
    for place, day in enumerate(dates):
        y = float(HEIGHT)
        for band, css in reversed(BANDS):
            height = counts[day, band] / top * (HEIGHT - TOP)
            y -= height
            if height:
                bars.append({"x": round(place * step + 1, 1), "y": round(y, 1), "width": round(step - 3, 1),
                             "height": round(max(height - 0.8, 0.8), 1), "css": css})  # fmt: skip
        if place % 7 == 0:
            labels.append({"x": round(place * step + 1, 1), "text": f"{day.day} {MONTHS[day.month - 1]}"})
    total = sum(counts.values())
    return {"bars": bars, "labels": labels, "top": top, "total": total, "days": days}


def _counts(user: User, first: date, now: datetime, days: int, zone: tzinfo) -> Counter[tuple[date, str]]:
    rows = Incident.objects.visible_to(user).listed().filter(created__gte=now - timedelta(days=days + 1))
    by_day = rows.order_by().annotate(day=TruncDate("created", tzinfo=zone))
    found: Counter[tuple[date, str]] = Counter()
    grouped = by_day.values("day", "severity").annotate(n=Count("pk"))
    for day, severity, n in grouped.values_list("day", "severity", "n"):
        if day >= first:
            found[day, severity] += n
    return found


def closed_as(user: User, *, since: datetime) -> list[dict[str, Any]]:
    """What incidents resolved since then turned out to be."""
    rows = Incident.objects.visible_to(user).filter(status=IncidentStatus.RESOLVED, resolved__gte=since)
    grouped = rows.order_by().values_list("classification").annotate(n=Count("pk"))
    found = dict(grouped.values_list("classification", "n"))
    return [{"label": str(kind.label), "value": found.get(kind.value, 0)} for kind in (*_MEANT, Classification.UNKNOWN)]


_MEANT = (Classification.TRUE_POSITIVE, Classification.INFORMATIONAL, Classification.FALSE_POSITIVE)
