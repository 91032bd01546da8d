"""All figures of a period as data: what the API answers, a report freezes and a CSV holds."""

from collections.abc import Iterator
from typing import Any

from core.wording import duration
from incidents.enums import Severity
from incidents.techniques import technique_name
from reviews.figures.attack import counts_of
from reviews.figures.detectors import detectors
from reviews.figures.durations import MEASURES, MISSING, missing, times, times_by_severity
from reviews.figures.levels import kept
from reviews.figures.people import workload
from reviews.figures.period import Period
from reviews.figures.population import Population
from reviews.figures.volume import BY, both_totals, over_time

MOST_DETECTORS = 30
TOTALS = {"opened": "Opened", "closed": "Closed", "false_positives": "Closed as false positive",
          "classified": "Closed with a classification", "reopened": "Opened and reopened since",
          "open": "Open at the end", "open_high": "Open at the end, severity high"}  # fmt: skip
# A report of a past period is made later: these two tell of the moment it was made.
OF_NOW = frozenset({"open", "open_high"})


def summarise(population: Population, period: Period) -> dict[str, Any]:
    """Every figure, JSON-able, times in seconds."""
    now, then = both_totals(population, period)
    return {
        "period": {**period.span, "in_words": period.in_words, "length": period.length_in_words,
                   "time_zone": str(period.zone)},
        "seen_by": population.in_words,
        "totals": now,
        "totals_before": then,
        "times": _times(population, period),
        "times_by_severity": _by_severity(population, period),
        "opened_by": {by: _bands(population, period, by) for by in BY},
        "opened_over_time": _over_time(population, period),
        "service_levels": kept(population, period),
        "detectors": [one.as_json() for one in detectors(population, period)[:MOST_DETECTORS]],
        "workload": [one.as_json() for one in workload(population, period)],
        "techniques": _techniques(population, period),
    }  # fmt: skip


def _times(population: Population, period: Period) -> list[dict[str, Any]]:
    lacking = missing(population, period)
    return [
        {"key": key, "short": measure.short, "label": measure.label, "definition": measure.definition,
         **times(measure, population, period).as_json(),
         "before": times(measure, population, period.before).as_json(),
         "without": [{"figure": name, "count": lacking[name], "said": MISSING[name]} for name in measure.without]}
        for key, measure in MEASURES.items()
    ]  # fmt: skip


def _by_severity(population: Population, period: Period) -> list[dict[str, Any]]:
    return [
        {"severity": severity, "measure": key, **found.as_json()}
        for key, measure in MEASURES.items()
        for severity, found in sorted(times_by_severity(measure, population, period).items())
    ]


def _bands(population: Population, period: Period, by: str) -> list[dict[str, Any]]:
    bands = over_time(population, period, by)["bands"]
    return [{"key": band["key"], "label": band["label"], "count": band["count"]} for band in bands]


def _over_time(population: Population, period: Period) -> list[dict[str, Any]]:
    chart = over_time(population, period, "severity")
    keys = [band["key"] for band in chart["bands"]]
    return [
        {"since": column["since"], "until": column["until"], "label": column["said"], "total": column["total"],
         "by_severity": dict(zip(keys, column["cells"], strict=True))}
        for column in chart["columns"]
    ]  # fmt: skip


def _techniques(population: Population, period: Period) -> list[dict[str, Any]]:
    counts, _ = counts_of(population, period)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [{"id": key, "name": technique_name(key), "count": n} for key, n in ordered]


CSV_HEADER = ("part", "figure", "of", "value", "in words", "definition")


def as_rows(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The figures as lines of one table."""
    yield ("period", "from", "", found["period"]["since"], found["period"]["in_words"], "")
    yield ("period", "until, not included", "", found["period"]["until"], "", found["seen_by"])
    for name, label in TOTALS.items():
        yield ("incidents", label, "", found["totals"][name], "", "")
        if name not in OF_NOW:
            yield ("incidents", label, "the period before", found["totals_before"][name], "", "")
    for row in found["times"]:
        yield from _rows_of_times(row)
    for row in found["times_by_severity"]:
        label = str(Severity(row["severity"]).label)
        yield (MEASURES[row["measure"]].short, "median", label, row["p50"], duration(row["p50"]), f"of {row['count']}")
    for by, bands in found["opened_by"].items():
        yield from (("opened", BY[by], band["label"], band["count"], "", "") for band in bands)
    for part in found["opened_over_time"]:
        yield ("opened over time", part["label"], part["since"], part["total"], "", "")
    yield from _rows_of_levels(found)
    for one in found["detectors"]:
        share = "" if one["rate"] is None else f"{100 * one['rate']:.1f} % false"
        yield ("detectors", one["detector"], one["source"], one["alerts"], share, f"{one['judged']} judged")
    for one in found["workload"]:
        yield ("workload", one["owner"] or "Nobody", "closed", one["closed"], "", f"{one['open']} open")
    for one in found["techniques"]:
        yield ("techniques", one["id"], one["name"], one["count"], "", "")


def _rows_of_times(row: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for name in ("p5", "p50", "p90", "p99"):
        percent = f"{name[1:]} %"
        yield (row["short"], row["label"], percent, row[name], duration(row[name]), row["definition"])
    before = row["before"]
    yield (row["short"], row["label"], "50 %, the period before", before["p50"], duration(before["p50"]), "")
    yield (row["short"], row["label"], "incidents with such a time", row["count"], "", "")
    for one in row["without"]:
        yield (row["short"], row["label"], one["said"], one["count"], "", "")


def _rows_of_levels(found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for row in found["service_levels"]:
        label = str(Severity(row["severity"]).label)
        for cell in row["cells"]:
            share = "" if cell["share"] is None else f"{cell['share']} % kept"
            yield ("service levels", cell["label"], f"{label}, met", cell["met"], share, "")
            yield ("service levels", cell["label"], f"{label}, missed", cell["missed"], "", "")
