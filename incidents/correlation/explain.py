"""Why an alert belongs to its incident, in the words that people and the API read."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core import clock
from core.wording import MONTHS, counted, duration
from incidents.correlation.grouping import Edge, Group
from incidents.correlation.nodes import Node
from incidents.correlation.rules import ACCOUNT
from incidents.enums import Category, CorrelationReason

MAX_REASONS = 3
MAX_SHOWN = 300
A_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Reason:
    """One row of `CorrelationLink`, before it is stored."""

    alert: int
    reason: CorrelationReason
    rule: str
    evidence: str
    other: int


def reasons_of(group: Group) -> dict[int, list[Reason]]:
    """For each alert of the group its best reasons, one a rule. Who began a new incident has none, unless it continues
    a resolved one: then those are why."""
    nodes = {node.id: node for node in group.alerts}
    edges: dict[int, list[tuple[Edge, int]]] = defaultdict(list)
    for edge in group.edges:
        edges[edge.alert].append((edge, edge.other))
        if edge.point[0] == "alert":
            edges[edge.other].append((edge, edge.alert))
    began = group.alerts[0].id if group.incident is None else None
    own = {group.incident, *group.merged}
    found: dict[int, list[Reason]] = {}
    for pk, node in nodes.items():
        if pk == began:
            edges[pk] = [entry for entry in edges[pk] if entry[0].point[0] == "closed"]
        if (pk == began and not edges[pk]) or node.incident_id is not None:
            continue
        best: dict[str, tuple[Edge, int]] = {}
        for edge, other in sorted(edges[pk], key=lambda entry: entry[0].order):
            best.setdefault(edge.rule.key, (edge, other))
        found[pk] = [
            Reason(pk, _word(node, edge, other, nodes), edge.rule.key, evidence_text(edge, own), other)
            for edge, other in list(best.values())[:MAX_REASONS]
        ]
    return found


def _word(node: Node, edge: Edge, other: int, nodes: Mapping[int, Node]) -> CorrelationReason:
    moved = Category.LATERAL_MOVEMENT in node.categories or (
        other in nodes and Category.LATERAL_MOVEMENT in nodes[other].categories
    )
    return CorrelationReason.LATERAL_MOVEMENT_PATH if edge.rule is ACCOUNT and moved else edge.rule.reason


def evidence_text(edge: Edge, own: Collection[int | None]) -> str:
    """What, when and how rare: `Same device: FIN-WS-014, 14 min apart (09:00 and 09:14 UTC on 3 Nov); no other incident
    within 1 d has it`. `own` is the incident itself, and what is merged into it."""
    what = f"{edge.rule.label}: {edge.shown[:MAX_SHOWN].rstrip(' .')}"
    return f"{what}, {_when(edge)}; {_how_rare(edge, own)}"


def _when(edge: Edge) -> str:
    """`14 min apart (09:00 and 09:14 UTC on 3 Nov)`: from the end of one to the beginning of the other."""
    earlier, later = sorted(edge.spans)
    if edge.gap:
        apart = f"{duration(edge.gap)} apart" if edge.gap >= A_SECOND else "within a second"
        return f"{apart} ({_times(earlier[1], later[0])})"
    together = "at the same time" if earlier[0] == later[0] else "at overlapping times"
    return f"{together} ({_times(earlier[0], later[0])})"


def _times(first: datetime, second: datetime) -> str:
    """`09:00 and 09:14 UTC on 3 Nov`, `22:50 on 3 Nov and 01:10 on 4 Nov, UTC`; with seconds in the same minute."""
    one, other = first.astimezone(UTC), second.astimezone(UTC)
    if one.date() != other.date():
        return f"{one:%H:%M} on {_day(one)} and {other:%H:%M} on {_day(other)}, UTC"
    style = "%H:%M" if f"{one:%H:%M}" != f"{other:%H:%M}" else "%H:%M:%S"
    times = dict.fromkeys((one.strftime(style), other.strftime(style)))
    return f"{' and '.join(times)} UTC on {_day(one)}"


def _day(moment: datetime) -> str:
    year = "" if moment.year == clock.now().year else f" {moment.year}"
    return f"{moment.day} {MONTHS[moment.month - 1]}{year}"


def _how_rare(edge: Edge, own: Collection[int | None]) -> str:
    others = len(edge.named_in.difference(own))
    within = f"within {duration(edge.window)}"
    if not others:
        return f"no other incident {within} has it"
    return f"{counted(others, 'other incident')} {within} {'has' if others == 1 else 'have'} it"
