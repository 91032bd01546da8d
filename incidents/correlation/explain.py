"""Why an alert belongs to its incident, in the words that people and the API read."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from core.wording import duration
from incidents.correlation.grouping import Edge, Group
from incidents.correlation.nodes import Node
from incidents.correlation.rules import ACCOUNT, RULES
from incidents.enums import Category, CorrelationReason

MAX_REASONS = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """One row of `CorrelationLink`, before it is stored."""

    alert: int
    reason: CorrelationReason
    rule: str
    evidence: str
    other: int


def reasons_of(group: Group) -> dict[int, list[Reason]]:
    """For each alert of the group its best reasons, one a rule. Who began a new incident has none."""
    nodes = {node.id: node for node in group.alerts}
    edges: dict[int, list[tuple[Edge, int]]] = defaultdict(list)
    for edge in group.edges:
        edges[edge.alert].append((edge, edge.other))
        if edge.point[0] == "alert":
            edges[edge.other].append((edge, edge.alert))
    began = group.alerts[0].id if group.incident is None else None
    found: dict[int, list[Reason]] = {}
    for pk, node in nodes.items():
        if pk == began or node.incident_id is not None:
            continue
        best: dict[str, Reason] = {}
        for edge, other in sorted(edges[pk], key=lambda entry: entry[0].order):
            best.setdefault(edge.rule.key, _reason(node, edge, other, nodes))
        found[pk] = list(best.values())[:MAX_REASONS]
    return found


def _reason(node: Node, edge: Edge, other: int, nodes: Mapping[int, Node]) -> Reason:
    reason = edge.rule.reason
    moved = Category.LATERAL_MOVEMENT in node.categories or (
        other in nodes and Category.LATERAL_MOVEMENT in nodes[other].categories
    )
    if edge.rule is ACCOUNT and moved:
        reason = CorrelationReason.LATERAL_MOVEMENT_PATH
    return Reason(node.id, reason, edge.rule.key, evidence_text(edge.rule.key, edge.shown, edge.gap), other)


def evidence_text(rule_key: str, shown: str, gap: timedelta) -> str:
    """`Same device: FIN-WS-014, 14 min apart`."""
    when = f", {duration(gap)} apart" if gap else ", at the same time"
    return f"{RULES[rule_key].label}: {shown[:400].rstrip(' .')}{when}"[:500]
