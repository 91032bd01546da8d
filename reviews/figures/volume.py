"""How many incidents were opened and closed, over time and by what they are, against the span before."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Func, Q, TextField

from accounts.models import User
from incidents.enums import Classification, IncidentStatus, Severity
from incidents.queries.incidents import OPEN, IncidentQuerySet
from incidents.wording import source_label
from reviews.figures.charts import stacked
from reviews.figures.period import Period
from reviews.figures.population import Population

BY: Mapping[str, str] = {"severity": "Severity", "classification": "Class", "owner": "Owner", "source": "Source"}
_COLUMNS = {"severity": "severity", "classification": "classification", "owner": "assigned_to"}
SHOWN, OTHERS = 5, "others"
_SEVERITIES = ((Severity.HIGH, "h"), (Severity.MEDIUM, "m"), (Severity.LOW, "l"), (Severity.INFORMATIONAL, "i"),
               (Severity.UNKNOWN, "u"))  # fmt: skip
_CLASSES = ((Classification.TRUE_POSITIVE, "s1"), (Classification.INFORMATIONAL, "s2"),
            (Classification.FALSE_POSITIVE, "s3"), (Classification.UNKNOWN, "u"))  # fmt: skip


def opened(population: Population, period: Period) -> IncidentQuerySet:
    return population.incidents().filter(created__gte=period.since, created__lt=period.until)


def totals(population: Population, period: Period) -> dict[str, int]:
    """Opened and closed in the period, what of the closed was a false positive, reopened, and what is open now."""
    return both_totals(population, period)[0]


def both_totals(population: Population, period: Period) -> tuple[dict[str, int], dict[str, int]]:
    """The totals of the period and of the one before, with one query."""
    spans = (period, period.before)
    found = population.incidents().aggregate(
        **{f"{name}_{place}": count for place, span in enumerate(spans) for name, count in _counted(span).items()}
    )
    now, then = ({name: found[f"{name}_{place}"] for name in _counted(span)} for place, span in enumerate(spans))
    return now, then


def _counted(period: Period) -> dict[str, Count]:
    begun = Q(created__gte=period.since, created__lt=period.until)
    closed = Q(resolved__gte=period.since, resolved__lt=period.until, status=IncidentStatus.RESOLVED)
    return {
        "opened": Count("pk", begun),
        "closed": Count("pk", closed),
        "false_positives": Count("pk", closed & Q(classification=Classification.FALSE_POSITIVE)),
        "classified": Count("pk", closed & ~Q(classification=Classification.UNKNOWN)),
        "reopened": Count("pk", begun & Q(reopened_count__gt=0)),
        "open": Count("pk", Q(status__in=OPEN)),
        "open_high": Count("pk", Q(status__in=OPEN, severity=Severity.HIGH)),
    }


def over_time(population: Population, period: Period, by: str) -> dict[str, Any]:
    """A stacked chart of what was opened in each part of the period, its figures as a table, and the bands with their
    sums. A source or an owner beyond the five busiest is one of the others; an incident of two sources counts for
    both."""
    counts = _counts(opened(population, period), period, by)
    sums: Counter[str] = Counter()
    for row in counts.values():
        sums.update(row)
    bands, folded = _bands(by, sums)
    parts = period.parts()
    rows = [_folded(counts.get(part, {}), folded) for part in parts]
    earlier = period.before
    before = _totals(opened(population, earlier), earlier, len(parts))
    drawn = stacked([period.part_in_words(part) for part in parts], bands, rows, before)
    for place, column in enumerate(drawn["columns"]):
        column["since"], column["until"] = _edges(period, parts, place)
        column["said"] = period.part_in_words(parts[place])
        column["cells"] = [rows[place].get(band["key"], 0) for band in bands]
    shown = _folded(sums, folded)
    return {
        **drawn,
        "bands": [{**band, "count": shown.get(band["key"], 0)} for band in bands],
        "most": max(shown.values(), default=0) or 1,
    }


def _counts(rows: IncidentQuerySet, period: Period, by: str) -> dict[datetime, Counter[str]]:
    parts = rows.order_by().annotate(part=period.trunc("created"))
    if by == "source":
        parts = parts.annotate(band=Func(F("sources"), function="unnest", output_field=TextField()))
    else:
        parts = parts.annotate(band=F(_COLUMNS[by]))
    found: dict[datetime, Counter[str]] = defaultdict(Counter)
    for part, band, n in parts.values("part", "band").annotate(n=Count("pk")).values_list("part", "band", "n"):
        found[part][str(band) if band is not None else "nobody"] += n
    return found


def _totals(rows: IncidentQuerySet, period: Period, most: int) -> list[int]:
    counted = rows.order_by().annotate(part=period.trunc("created")).values("part").annotate(n=Count("pk"))
    found = dict(counted.values_list("part", "n"))
    line = [found.get(part, 0) for part in period.parts()]
    return line[:most] + [0] * max(0, most - len(line))


def _bands(by: str, sums: Counter[str]) -> tuple[list[dict[str, Any]], frozenset[str]]:
    """The bands from below upwards, and the values that are folded into the others."""
    fixed = {"severity": _SEVERITIES, "classification": _CLASSES}.get(by)
    if fixed is not None:
        found = [{"key": kind.value, "label": str(kind.label), "css": css, "value": kind.value} for kind, css in fixed]
        return [band for band in found if sums[str(band["key"])]], frozenset()
    top = [key for key, _ in sums.most_common(SHOWN)]
    names = _names(top) if by == "owner" else {key: source_label(key) for key in top}
    bands = [{"key": key, "label": names.get(key, key), "css": f"s{place + 1}", "value": key}
             for place, key in enumerate(top)]  # fmt: skip
    rest = frozenset(sums) - frozenset(top)
    if rest:
        bands.append({"key": OTHERS, "label": f"{len(rest)} others", "css": "u", "value": ""})
    return bands, rest


def _folded(counts: Mapping[str, int], folded: frozenset[str]) -> dict[str, int]:
    kept = {key: n for key, n in counts.items() if key not in folded}
    rest = sum(n for key, n in counts.items() if key in folded)
    return {**kept, OTHERS: rest} if rest else kept


def _names(keys: list[str]) -> dict[str, str]:
    people = User.objects.filter(pk__in=[int(key) for key in keys if key.isdecimal()])
    return {"nobody": "Nobody", **{str(person.pk): str(person) for person in people}}


def _edges(period: Period, parts: list[datetime], place: int) -> tuple[str, str]:
    """The part as exact times within the period."""
    begin = max(parts[place], period.since)
    end = min(parts[place + 1] if place + 1 < len(parts) else period.until, period.until)
    span = Period("custom", begin, end, period.zone, period.step).span
    return span["since"], span["until"]
