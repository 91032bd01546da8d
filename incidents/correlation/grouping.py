"""From pairs that belong together to groups: the strongest ties first, within the bounds of what may be one incident.

Alerts and incidents are points, reasons are edges. Edges are taken by weight, then by nearness in time, then by id,
so the result depends on the set of alerts and not on the order in which they came. A tie that would put together two
incidents that people already work on, or make an incident endless, is not taken.

A resolved incident is a point as well: what it ties is held back from open incidents that are tied less, and begins a
new incident that continues it. One that was closed as nothing bad comes last.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from incidents.correlation.candidates import Candidate, Candidates
from incidents.correlation.continuing import Point
from incidents.correlation.nearness import differ, rule_that_ties
from incidents.correlation.nodes import LONGEST_EVENT, Node
from incidents.correlation.rules import FILE, PROGRAM, REPEATED, RULES, WEAK_BELOW, Limits, Rule

# How many alerts of one thing are looked at before an alert, and how many ties to them are enough.
MOST_BACK, ENOUGH_TIES = 200, 3
BACKGROUND_SPAN = timedelta(hours=4)
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Edge:
    """`alert` is an alert of the batch; `other` the alert that it shares something with, in `point`. `spans` is from
    when to when the events of both were, and `named_in` are the incidents that name the shared thing within the rule's
    window."""

    rule: Rule
    shown: str
    gap: timedelta
    alert: int
    point: Point
    other: int
    spans: tuple[Span, Span]
    window: timedelta
    named_in: frozenset[int]
    last: bool = False
    weight: int = 0
    thing: tuple[str, str] = ("", "")

    @property
    def order(self) -> tuple[bool, int, timedelta, tuple[Span, Span], int, Point, str]:
        """By what happened first, by ids only when nothing else differs."""
        return (self.last, -self.weight, self.gap, self.spans, self.alert, self.point, self.shown)


@dataclass(slots=True)
class Size:
    """What an incident holds already: `rank` of its gravest alert, those that are ordinary here not counted; `fixed`
    when people work on it, so that it is never merged into another."""

    alerts: int
    first: datetime
    last: datetime
    rank: int = 0
    fixed: bool = False

    def is_background(self, limits: Limits) -> bool:
        """Many low or ordinary alerts over hours: a habit of the house, which says nothing about what happened
        meanwhile."""
        long = self.last - self.first >= BACKGROUND_SPAN
        return long and self.rank < WEAK_BELOW and self.alerts >= limits.background_alerts


@dataclass(slots=True)
class Group:
    """What belongs together. `incident` is the one that remains, `merged` are those that go into it; without one,
    `continues` is the resolved incident that the new one goes on from."""

    alerts: list[Node] = field(default_factory=list)
    incident: int | None = None
    merged: list[int] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    continues: int | None = None


def gap_between(first: datetime, last: datetime, other_first: datetime, other_last: datetime) -> timedelta:
    return max(first - other_last, other_first - last, timedelta())


def find_edges(nodes: Sequence[Node], found: Candidates, limits: Limits) -> list[Edge]:
    """Every pair that a rule ties, inside the batch and to open and resolved incidents."""
    return [*_edges_inside(nodes, found, limits), *_edges_to_incidents(nodes, found, limits)]


def _edges_to_incidents(nodes: Sequence[Node], found: Candidates, limits: Limits) -> Iterator[Edge]:
    """The nearest alert of each incident that shares a signal."""
    for node in nodes:
        for key, signal in node.signals.items():
            candidates, window = found.by_signal.get(key), limits.windows[key[0]]
            if not candidates or not window:
                continue
            nearest: dict[Point, tuple[bool, timedelta, int, Candidate, Rule]] = {}
            for one in candidates:
                if not (one.links or one.closed) or one.alert_id == node.id:
                    continue
                if one.proven and _by_file(node, key):
                    continue
                gap = gap_between(node.first, node.last, one.first, one.last)
                if gap > window or (rule := _tied(key, signal.rule, gap, limits, node, one)) is None:
                    continue
                point = found.goes_on_in[one.incident_id] if one.closed else ("incident", one.incident_id)
                entry = (one.closed and one.benign, gap, one.alert_id, one, rule)
                if point not in nearest or entry[:3] < nearest[point][:3]:
                    nearest[point] = entry
            for point, (last, gap, other, one, rule) in nearest.items():
                spans = ((node.first, node.last), (one.first, one.last))
                named_in, shown = _named_in(node, candidates, window), signal.shown_with(one.by_address)
                weight = limits.weights[rule.key]
                yield Edge(rule, shown, gap, node.id, point, other, spans, window, named_in, last, weight, key)


def _by_file(node: Node, key: tuple[str, str]) -> bool:
    """Whether the alert names this program's file as such, so that the rule of files asks for it."""
    return key[0] == PROGRAM.key and (FILE.key, key[1]) in node.signals


def _tied(
    key: tuple[str, str], rule: Rule, gap: timedelta, limits: Limits, one: Node, other: Node | Candidate
) -> Rule | None:
    earlier, later = (one, other) if one.first <= other.first else (other, one)
    by = rule_that_ties(rule, gap, limits, earlier, later)
    return None if by is None or limits.taught.forbids(by.key, key, one, other) else by


def _named_in(node: Node, candidates: Iterable[Candidate], window: timedelta) -> frozenset[int]:
    """How rare the thing is: the incidents of that time that name it, open or not."""
    since, until = node.first - window, node.last + window
    return frozenset(one.incident_id for one in candidates if one.last >= since and one.first <= until)


def _edges_inside(nodes: Sequence[Node], found: Candidates, limits: Limits) -> Iterator[Edge]:
    """Enough pairs of each signal to connect all that it ties. How far apart two may be depends on both of them, so
    each alert is compared with those before it, as far back as it reaches itself; of those that reach as far or less
    far than one it is tied to already, the nearer is enough."""
    holders: dict[tuple[str, str], list[Node]] = defaultdict(list)
    for node in nodes:
        for key in node.signals:
            if limits.windows[key[0]]:
                holders[key].append(node)
    for key, listed in holders.items():
        if len(listed) > 1:
            listed.sort(key=lambda node: (node.first, node.last, node.id))
            yield from _pairs_of(key, listed, found, limits)


def _pairs_of(key: tuple[str, str], listed: Sequence[Node], found: Candidates, limits: Limits) -> Iterator[Edge]:
    rule, window = RULES[key[0]], limits.windows[key[0]]
    compared = rule.asset or rule is REPEATED
    contents = {node.id: node.contents for node in listed} if compared else {}
    for place, node in enumerate(listed):
        tied = 0
        for other in reversed(listed[max(0, place - MOST_BACK) : place]):
            gap = gap_between(node.first, node.last, other.first, other.last)
            if _by_file(node, key) and _by_file(other, key):
                continue
            if gap > window:
                # Another that began earlier may have lasted longer, but not for longer than an event may last.
                if gap > window + LONGEST_EVENT:
                    break
                continue
            differing = compared and differ(contents[node.id], contents[other.id])
            by = rule_that_ties(rule, gap, limits, other, node, differing=differing)
            if by is None or limits.taught.forbids(by.key, key, node, other):
                continue
            signal, spans = node.signals[key], ((node.first, node.last), (other.first, other.last))
            named_in = _named_in(node, found.by_signal.get(key, ()), window)
            shown = signal.shown_with(bool(other.signals[key].address))
            yield Edge(by, shown, gap, node.id, ("alert", other.id), other.id, spans, window, named_in,
                       weight=limits.weights[by.key], thing=key)  # fmt: skip
            tied += 1
            if tied == ENOUGH_TIES:
                break


class _Forest:
    """Union-find over points, with the size of each tree."""

    def __init__(self) -> None:
        self._parent: dict[Point, Point] = {}
        self.size: dict[Point, Size] = {}
        self.incidents: dict[Point, list[int]] = defaultdict(list)
        self.closed: dict[Point, list[int]] = defaultdict(list)

    def add(self, point: Point, size: Size) -> None:
        self._parent[point] = point
        self.size[point] = size
        self.incidents[point] = [point[1]] if point[0] == "incident" else []
        self.closed[point] = [point[1]] if point[0] == "closed" else []

    def __contains__(self, point: Point) -> bool:
        return point in self._parent

    def find(self, point: Point) -> Point:
        while self._parent[point] != point:
            self._parent[point] = self._parent[self._parent[point]]
            point = self._parent[point]
        return point

    def join(self, one: Point, other: Point) -> None:
        root, child = sorted((self.find(one), self.find(other)))
        if root == child:
            return
        self._parent[child] = root
        mine, its = self.size[root], self.size.pop(child)
        self.size[root] = Size(
            mine.alerts + its.alerts, min(mine.first, its.first), max(mine.last, its.last),
            max(mine.rank, its.rank), mine.fixed or its.fixed,
        )  # fmt: skip
        self.incidents[root] += self.incidents.pop(child)
        self.closed[root] += self.closed.pop(child)


def reachable_together(nodes: Sequence[Node], edges: Iterable[Edge]) -> list[set[int]]:
    """The sets of incidents that the edges would put together if nothing forbade it; only sets of two and more."""
    forest = _Forest()
    moment = datetime.min.replace(tzinfo=UTC)
    for node in nodes:
        forest.add(("alert", node.id), Size(1, moment, moment))
        if node.incident_id is not None:
            _add_incident(forest, node.incident_id, Size(0, moment, moment))
            forest.join(("alert", node.id), ("incident", node.incident_id))
    for edge in edges:
        if edge.point[0] == "closed":
            continue
        if edge.point[0] == "incident":
            _add_incident(forest, edge.point[1], Size(0, moment, moment))
        forest.join(("alert", edge.alert), edge.point)
    return [set(listed) for listed in forest.incidents.values() if len(set(listed)) > 1]


def _add_incident(forest: _Forest, incident_id: int, size: Size) -> None:
    point = ("incident", incident_id)
    if point not in forest:
        forest.add(point, size)


def group_alerts(
    nodes: Sequence[Node], edges: Sequence[Edge], sizes: Mapping[int, Size], limits: Limits
) -> list[Group]:
    """The groups, each with at least one alert of the batch; `sizes` are those of every incident that edges reach."""
    forest = _Forest()
    for node in nodes:
        forest.add(("alert", node.id), Size(1, node.first, node.last, 0 if node.ordinary else node.rank))
    resolved = {edge.point[1] for edge in edges if edge.point[0] == "closed"}
    joined = {edge.point[1] for edge in edges if edge.point[0] == "incident"} | {node.incident_id for node in nodes}
    for incident_id, size in sizes.items():
        if incident_id in resolved:
            forest.add(("closed", incident_id), size)
        if incident_id in joined:
            _add_incident(forest, incident_id, size)
    for node in nodes:
        if node.incident_id is not None:
            forest.join(("alert", node.id), ("incident", node.incident_id))
    for edge in sorted(edges, key=lambda one: one.order):
        if edge.point in forest and _may_join(forest, edge, sizes, limits):
            forest.join(("alert", edge.alert), edge.point)
    return _collect(forest, nodes, edges, sizes)


def _may_join(forest: _Forest, edge: Edge, sizes: Mapping[int, Size], limits: Limits) -> bool:
    one, other = forest.find(("alert", edge.alert)), forest.find(edge.point)
    if one == other or _is_held_back(forest, one, other):
        return False
    incidents = [*forest.incidents[one], *forest.incidents[other]]
    if sum(sizes[pk].fixed for pk in set(incidents)) > 1:
        return False
    if edge.rule.strong:
        return True
    mine, its = forest.size[one], forest.size[other]
    span = max(mine.last, its.last) - min(mine.first, its.first)
    # The same detection again makes an incident longer, not another one.
    if edge.rule is REPEATED:
        return span <= limits.max_span
    # A graver alert does not belong to a habit because of one low alert of it.
    for habit, graver in ((mine, its), (its, mine)):
        if graver.rank >= WEAK_BELOW and habit.is_background(limits):
            return False
    return mine.alerts + its.alerts <= limits.max_alerts and span <= limits.max_span


def _is_held_back(forest: _Forest, one: Point, other: Point) -> bool:
    """What goes on from a resolved incident goes into no other, resolved or open."""
    closed = len(forest.closed[one]) + len(forest.closed[other])
    return closed > 1 or (closed == 1 and bool(forest.incidents[one] or forest.incidents[other]))


def _collect(forest: _Forest, nodes: Sequence[Node], edges: Sequence[Edge], sizes: Mapping[int, Size]) -> list[Group]:
    groups: dict[Point, Group] = defaultdict(Group)
    for node in nodes:
        groups[forest.find(("alert", node.id))].alerts.append(node)
    for root, group in groups.items():
        incidents = sorted(set(forest.incidents[root]), key=lambda pk: (not sizes[pk].fixed, pk))
        if incidents:
            group.incident, group.merged = incidents[0], incidents[1:]
        group.continues = next(iter(forest.closed[root]), None)
        group.alerts.sort(key=lambda node: (node.first, node.id))
    for edge in edges:
        if edge.point in forest:
            root = forest.find(("alert", edge.alert))
            if root == forest.find(edge.point):
                groups[root].edges.append(edge)
    return list(groups.values())
