"""Groups that chance would not bring together: the second half of an attack that waited for hours.

A pair of alerts proves little when one of them is of a kind that comes now and then. A group proves more: that another
group as weighty should come to the same machine within hours is as rare as such groups are in this house. So groups
have a reach, made as the one of alerts is (see `habits`): the time within which an unrelated group of at least that
weight would come to the same machine with the accepted chance. A group weighs the more, the more different detections
are in it, and the rarer and graver each of them is.

A group goes on from an earlier one when it begins on a device or with an account that several alerts of the earlier
one name, and each lies within the reach of the other; groups that name different people must be nearer. Attacks move
on from where they are; that two touch the same server somewhere in their course is no reason. Ordinary and quiet alerts
have no weight, a single alert is no group, and what lies days off does not count: a tool that many machines have makes
a long chain of alerts, not a grave one.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log

from incidents.correlation.grouping import Edge, Group, gap_between
from incidents.correlation.habits import Habits, plain_title
from incidents.correlation.nearness import DIFFERENCE_SHARE
from incidents.correlation.nodes import Node
from incidents.correlation.rules import ACCOUNT, RULES, STORY, Limits

Thing = tuple[str, str]
# What happened so long before or after the alerts that name the thing has no weight there.
NEARBY = timedelta(hours=12)
# So few alerts are no group, and make no device or account the place where a group was.
FEWEST = 2
# An alert of so short a reach has no weight.
LIGHTEST = timedelta(minutes=7)
# Weights are sums of logarithms: what differs by less is the same.
_SAME = 1e-9


@dataclass(slots=True, eq=False)
class _Side:
    """What of a group stands around one thing: the alerts that name it, their weight with what happened nearby; and
    the alert that the whole group begins with, what it opens with there, the people that it names, and in how many
    places of this kind it was: another begins at one of ten by chance ten times as often as at one."""

    begin: Node
    opens: Node | None
    named: list[Node]
    weight: float
    people: frozenset[str]
    places: int
    reach: timedelta = timedelta()


def find_story_ties(groups: Sequence[Group], limits: Limits, habits: Habits) -> list[Edge]:
    """A tie for each two groups and each thing that make them one story. Reads nothing."""
    if not limits.windows[STORY.key]:
        return []
    weights: dict[str, list[float]] = defaultdict(list)
    holders: dict[Thing, list[_Side]] = defaultdict(list)
    for group in groups:
        telling = [node for node in group.alerts if not node.ordinary and not node.quiet]
        if telling:
            weights[telling[0].exercise].append(_weight_of(telling))
            for thing, side in _sides_of(group, telling):
                holders[thing].append(side)
    for listed in weights.values():
        listed.sort()
    found: list[Edge] = []
    for thing, sides in holders.items():
        if len(sides) > 1:
            exercise = thing[1].partition("|")[0]
            for side in sides:
                company = len(weights[exercise]) - bisect_left(weights[exercise], side.weight - _SAME)
                reaches = habits.reaches_among(exercise, max(1, company))
                side.reach = min(reaches[thing[0] == ACCOUNT.key], limits.windows[STORY.key])
            found += _ties_of(thing, sides, limits)
    return found


def _weight_of(alerts: Sequence[Node]) -> float:
    """Of each different detection the rarest alert counts."""
    rarest: dict[str, timedelta] = {}
    for node in alerts:
        kind = plain_title(node.title)
        rarest[kind] = max(node.reaches[0], rarest.get(kind, LIGHTEST))
    return sum(log(reach / LIGHTEST) for reach in rarest.values())


def _sides_of(group: Group, telling: Sequence[Node]) -> Iterator[tuple[Thing, _Side]]:
    begin = min(telling, key=_order)
    opening = _opening(group, begin)
    people = frozenset(person for node in telling for person in node.contents.people)
    by_asset: dict[Thing, list[Node]] = defaultdict(list)
    for node in telling:
        for thing in node.signals:
            if RULES[thing[0]].asset:
                by_asset[thing].append(node)
    places = Counter(thing[0] for thing, named in by_asset.items() if len(named) >= FEWEST)
    for thing, node in opening.items():
        by_asset.setdefault(thing, [node])
    for thing, named in by_asset.items():
        since = min(node.first for node in named) - NEARBY
        until = max(node.last for node in named) + NEARBY
        near = [node for node in telling if node.last >= since and node.first <= until]
        if len(near) >= FEWEST:
            yield thing, _Side(begin, opening.get(thing), named, _weight_of(near), people, places[thing[0]])


def _opening(group: Group, begin: Node) -> dict[Thing, Node]:
    """The devices and accounts that the group opens with, each with the alert that names it: up to the first telling
    one, those before it too that tell nothing by themselves but belong to it."""
    before = [node for node in group.alerts if node.first <= begin.first and not node.quiet]
    return {
        thing: node for node in sorted(before, key=_order, reverse=True)
        for thing in node.signals if RULES[thing[0]].asset
    }  # fmt: skip


def _ties_of(thing: Thing, sides: Sequence[_Side], limits: Limits) -> Iterator[Edge]:
    """From where a group begins to the nearest alert of each group that began before and was there more than once."""
    for side in sides:
        node = side.opens
        if node is None:
            continue
        for its in sides:
            if len(its.named) < FEWEST or _order(its.begin) >= _order(side.begin):
                continue
            other = _nearest(node, its.named)
            reach = min(side.reach, its.reach / its.places)
            if side.people and its.people and side.people.isdisjoint(its.people):
                reach /= DIFFERENCE_SHARE
            if _gap(node, other) <= reach and not limits.taught.forbids(STORY.key, thing, node, other):
                yield _tie(thing, node, other, reach, limits)


def _tie(thing: Thing, node: Node, other: Node, reach: timedelta, limits: Limits) -> Edge:
    shown = node.signals[thing].shown_with(bool(other.signals[thing].address))
    spans = ((node.first, node.last), (other.first, other.last))
    return Edge(STORY, shown, _gap(node, other), node.id, ("alert", other.id), other.id, spans, reach, frozenset(),
                weight=limits.weights[STORY.key], thing=thing)  # fmt: skip


def _nearest(node: Node, named: Sequence[Node]) -> Node:
    return min(named, key=lambda one: (_gap(node, one), _order(one)))


def _gap(node: Node, other: Node) -> timedelta:
    return gap_between(node.first, node.last, other.first, other.last)


def _order(node: Node) -> tuple[datetime, datetime, int]:
    return node.first, node.last, node.id
