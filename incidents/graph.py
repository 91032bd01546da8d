"""The picture of a story: nodes with what holds them, edges with verb or time, as data for the drawing script."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.urls import reverse

from core.wording import cut_middle, defang, moment, visible
from incidents.enums import Severity
from incidents.models import Alert, Incident
from incidents.story import ADDRESSES, Node, Story, short_label
from incidents.ways import ways_of

# Who does what to whom, by kind. The order is the order in which pairs of one alert are looked for.
VERBS: dict[tuple[str, str], str] = {
    ("message", "mailbox"): "delivered",
    ("message", "identity"): "opened",
    ("message", "url"): "links to",
    ("message", "file"): "carries",
    ("url", "identity"): "visited",
    ("ip", "identity"): "signs in",
    ("ip", "mailbox"): "reads",
    ("identity", "mailbox"): "uses",
    ("identity", "device"): "signs in",
    ("identity", "application"): "consents",
    ("device", "process"): "runs",
    ("device", "file"): "runs",
    ("process", "file"): "drops",
    ("process", "ip"): "connects",
    ("process", "url"): "connects",
    ("process", "domain"): "connects",
    ("device", "ip"): "connects",
    ("device", "url"): "connects",
    ("device", "domain"): "connects",
    ("device", "registry_key"): "changes",
}
SPREADING = {"LateralMovement", "Ransomware", "Impact"}
# What a process did with a file, when the sensor says so.
FILE_VERBS = {"loaded": "runs", "edited": "changes", "created": "creates"}
MOST_EDGES_AN_ALERT, LABEL, NAME = 40, 44, 600


@dataclass(slots=True)
class _Edge:
    source: str
    target: str
    verb: str
    first: datetime
    times: int = 0
    hot: bool = False
    stop: bool = False
    way: bool = False


def graph_of(story: Story, incident: Incident, *, zone: tzinfo, now: datetime) -> dict[str, Any]:
    """`{"nodes": [...], "edges": [...]}` as `static/js/graph.js` draws it."""
    edges = _edges(story)
    joined = {key for edge in edges for key in (edge.source, edge.target)}
    many = len(story.devices) > 1
    nodes = [_node(node, incident, zone, now, many=many) for node in story.nodes.values() if _is_drawn(node, joined)]
    return {"nodes": nodes, "edges": [_drawn(edge, zone, now) for edge in edges]}


def _is_drawn(node: Node, joined: set[str]) -> bool:
    """A loose end that is neither asset nor threat says nothing."""
    return node.key in joined or node.entity is not None or node.suspicious


def _node(node: Node, incident: Incident, zone: tzinfo, now: datetime, *, many: bool) -> dict[str, Any]:
    """`label` is what fits under a node, `name` all of it."""
    text = defang(node.label) if node.kind in ADDRESSES else visible(node.label)
    state = state_words(node, zone=zone, now=now)
    return {
        "id": node.key,
        "kind": node.kind,
        **({"icon": node.icon} if node.icon else {}),
        "label": text if node.kind == "device" else cut_middle(visible(short_label(node)), LABEL // 2, LABEL // 2),
        "name": text[:NAME],
        "state": f"{state} {_where(node)}" if many and node.places else state,
        "look": _look(node),
        "count": len(node.alerts) if len(node.alerts) > 1 else 0,
        "group": f"{node.kind_word}s",
        "url": reverse("incidents:node", args=[incident.pk, node.key]),
        "first": node.first.isoformat(),
    }


def _look(node: Node) -> str:
    """The colours that the legend names."""
    if node.containment:
        return "safe"
    if node.is_open:
        return "bad"
    return "warn" if node.suspicious and not (node.stopped and node.harmless) else ""


def _where(node: Node) -> str:
    """On which machine: in a story of several, things of one name are told apart by it."""
    return f"on {visible(next(iter(node.places)))}" if len(node.places) == 1 else f"on {len(node.places)} devices"


def state_words(node: Node, *, zone: tzinfo, now: datetime) -> str:
    """Under every node: what holds it, else whether it is open, else what it is."""
    held = node.containment
    if held:
        return f"{held.word} {moment(held.since, now=now, zone=zone)}" if held.since else held.word
    if node.stopped and node.harmless:
        return "blocked"
    if node.is_open and node.kind in {"device", "identity", "mailbox"}:
        return f"open since {moment(node.first, now=now, zone=zone)}"
    return f"{node.kind_word}, malicious" if node.malicious else node.kind_word


def _edges(story: Story) -> list[_Edge]:
    found: dict[tuple[str, str], _Edge] = {}
    for alert in story.alerts:
        nodes: dict[str, Node] = {node.key: node for node, _item in story.members[alert.pk]}
        for source, target, verb in _pairs(alert, list(nodes.values()), story):
            edge = found.get((source.key, target.key))
            if edge is None:
                edge = found[source.key, target.key] = _Edge(source.key, target.key, verb, alert.first_activity)
            edge.times += 1
            edge.hot |= _is_hot(alert, target)
            edge.stop |= target.stopped and target.harmless
    return [*found.values(), *_between_machines(story, found)]


def _between_machines(story: Story, found: dict[tuple[str, str], _Edge]) -> Iterable[_Edge]:
    """The way from machine to machine. Where one account is drawn going to both, what else they have in common would
    only say it again."""
    spread = {pair for pair, edge in found.items() if edge.hot}
    for way in ways_of(story):
        source, target = way.source.key, way.target.key
        drawn = (source, target) in found
        by_one = {who for who, where in spread if where == source} & {who for who, where in spread if where == target}
        if not drawn and (way.moved or not by_one):
            verb = "moves on" if way.moved else "then"
            yield _Edge(source, target, verb, way.at, times=1, hot=way.moved, way=True)


def _pairs(alert: Alert, nodes: list[Node], story: Story) -> Iterable[tuple[Node, Node, str]]:
    left = MOST_EDGES_AN_ALERT
    roles = {node.key: set(item.roles) for node, item in story.members[alert.pk]}
    has_process = any(node.kind == "process" for node in nodes)
    for (source_kind, target_kind), verb in VERBS.items():
        if has_process and source_kind == "device" and target_kind != "process":
            continue  # the process did it; the device only ran the process
        for source in nodes:
            for target in nodes:
                if source.kind == source_kind and target.kind == target_kind and left:
                    left -= 1
                    yield source, target, _deed(roles[target.key], verb) if target_kind == "file" else verb
    devices = [node for node in nodes if node.kind == "device"]
    for source in devices:
        for target in devices:
            if source is not target and "source" in roles[source.key] and "destination" in roles[target.key]:
                yield source, target, "reaches"


def _deed(roles: set[str], verb: str) -> str:
    return next((word for role, word in FILE_VERBS.items() if role in roles), verb)


def _is_hot(alert: Alert, target: Node) -> bool:
    """The way of the attack: how it spread to what it hit."""
    spreads = bool(SPREADING.intersection(alert.categories))
    return spreads and alert.severity in {Severity.HIGH, Severity.MEDIUM} and target.kind in {"device", "identity"}


def _drawn(edge: _Edge, zone: tzinfo, now: datetime) -> dict[str, Any]:
    """`beside`: it joins things of one kind and moves none of them to another column."""
    return {"source": edge.source, "target": edge.target, "label": _label(edge, moment(edge.first, now=now, zone=zone)),
            "look": _line(edge), **({"beside": True} if edge.way else {})}  # fmt: skip


def _line(edge: _Edge) -> str:
    if edge.stop:
        return "stop"
    return "hot" if edge.hot else "way" if edge.way else ""


def _label(edge: _Edge, time: str) -> str:
    if edge.stop:
        return "refused"
    if edge.hot and not edge.way:
        return time
    return f"{edge.verb} {time}" if edge.times == 1 else edge.verb
