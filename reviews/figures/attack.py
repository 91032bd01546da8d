"""Which ATT&CK tactics and techniques were seen: a matrix with counts, and a layer for the ATT&CK Navigator."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, Func, TextField

from incidents.techniques import all_tactics, technique_facts
from reviews.figures.period import Period
from reviews.figures.population import Population
from reviews.figures.volume import opened

LAYER_VERSION, NAVIGATOR_VERSION, DOMAIN = "4.5", "5.1.0", "enterprise-attack"
COLOURS = ("#fff3e0", "#ffb74d", "#d84315")
LEVELS = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """A technique with the number of incidents that named it. `level` is 1 to 5 of the highest count; `parts` are its
    sub-techniques."""

    id: str
    name: str
    count: int
    level: int
    known: bool
    parts: list["Seen"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Matrix:
    """`tactics` are `{"id", "name", "shortname", "techniques"}` in the order of the matrix; `unknown` are ids that
    ATT&CK does not have."""

    tactics: list[dict[str, Any]]
    unknown: list[Seen]
    counts: dict[str, int]
    incidents: int
    top: int


def counts_of(population: Population, period: Period) -> tuple[dict[str, int], int]:
    """Incidents for each technique id, and how many incidents name any."""
    rows = opened(population, period).exclude(mitre_techniques=[]).order_by()
    named = rows.annotate(technique=Func(F("mitre_techniques"), function="unnest", output_field=TextField()))
    grouped = named.values("technique").annotate(n=Count("pk"))  # an incident names each of them once
    return dict(grouped.values_list("technique", "n")), rows.count()


def matrix(population: Population, period: Period) -> Matrix:
    """Every tactic with the techniques seen under it; one that belongs to several tactics stands under each."""
    counts, incidents = counts_of(population, period)
    top = max(counts.values(), default=0)
    seen = {key: _seen(key, n, top) for key, n in counts.items()}
    under: dict[str, dict[str, Seen]] = defaultdict(dict)
    for key, one in seen.items():
        if not one.known:
            continue
        parent = key.partition(".")[0]
        for tactic in technique_facts(key)["tactics"]:
            place = under[tactic].setdefault(parent, seen.get(parent) or _seen(parent, 0, top))
            if parent != key and one not in place.parts:
                place.parts.append(one)
    tactics: list[dict[str, Any]] = []
    for tactic in all_tactics():
        techniques = sorted(under[tactic["shortname"]].values(), key=_busiest)
        tactics.append({**tactic, "techniques": techniques})
    unknown = sorted((one for one in seen.values() if not one.known), key=_busiest)
    return Matrix(tactics, unknown, counts, incidents, top)


def _seen(key: str, count: int, top: int) -> Seen:
    facts = technique_facts(key)
    level = 0 if not count else max(1, -(-count * LEVELS // max(1, top)))
    return Seen(key, str(facts["name"]), count, level, bool(facts["known"]))


def _busiest(one: Seen) -> tuple[int, str]:
    return (-one.count - sum(part.count for part in one.parts), one.id)


def navigator_layer(found: Matrix, period: Period, *, who: str) -> dict[str, Any]:
    """The layer as the Navigator reads it. Ids that ATT&CK does not know are left out of it and named in its
    description, because the Navigator refuses them."""
    strange = ", ".join(one.id for one in found.unknown)
    described = f"Techniques of {found.incidents} incidents opened {period.in_words}, as {who} may see them."
    return {
        "name": f"Seen {period.in_words}",
        "versions": {"attack": "18", "navigator": NAVIGATOR_VERSION, "layer": LAYER_VERSION},
        "domain": DOMAIN,
        "description": described + (f" Unknown to ATT&CK: {strange}." if strange else ""),
        "sorting": 3,
        "layout": {"layout": "side", "showID": True, "showName": True, "showAggregateScores": True,
                   "countUnscored": False, "aggregateFunction": "sum", "expandedSubtechniques": "annotated"},
        "hideDisabled": False,
        "techniques": [
            {"techniqueID": key, "score": n, "enabled": True, "showSubtechniques": False,
             "comment": f"{n} incident{'' if n == 1 else 's'}"}
            for key, n in sorted(found.counts.items()) if technique_facts(key)["known"]
        ],
        "gradient": {"colors": list(COLOURS), "minValue": 0, "maxValue": max(1, found.top)},
        "legendItems": [],
        "metadata": [{"name": "from", "value": period.span["since"]}, {"name": "until", "value": period.span["until"]}],
        "showTacticRowBackground": False,
        "selectTechniquesAcrossTactics": True,
        "selectSubtechniquesWithParent": False,
    }  # fmt: skip
