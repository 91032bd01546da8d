"""What certain alerts would become under certain options: a trial that writes nothing.

The alerts are taken all at once, as if they had come this moment into an empty portal: no incident of today, no mark of
a hub and no deed of a person has a say. So the answer depends on the set of alerts and on the options alone.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from incidents.correlation.candidates import Candidates
from incidents.correlation.grouping import Edge, Group, find_edges, group_alerts
from incidents.correlation.habits import Habits, fresh_habits
from incidents.correlation.habitual import Thing, daily_deeds_among, habitual_among
from incidents.correlation.hubs import crowded_among, take_away
from incidents.correlation.nodes import Node, give_signals, load_nodes
from incidents.correlation.rules import RULES, Limits
from incidents.correlation.stories import find_story_ties
from incidents.models import Alert

MOST_ROUNDS = 4


@dataclass(slots=True)
class Partition:
    """The outcome: which alerts would be together, and how many pairs each rule ties."""

    groups: list[list[int]] = field(default_factory=list)
    ties: Counter[str] = field(default_factory=Counter)

    @property
    def group_of(self) -> dict[int, int]:
        """Alert id -> place of its group."""
        return {pk: place for place, group in enumerate(self.groups) for pk in group}


def replay(alert_ids: Collection[int], limits: Limits) -> Partition:
    """What these alerts would become under these options (`rules.limits_of` makes them). Writes nothing."""
    with transaction.atomic():
        groups = replayed_groups(alert_ids, limits, fresh_habits(limits))
    ties = Counter(edge.rule.key for group in groups for edge in group.edges)
    return Partition(sorted(sorted(node.id for node in group.alerts) for group in groups), ties)


def alerts_between(since: datetime, until: datetime, *, exercise: str = "") -> list[int]:
    """Ids of the alerts whose events lie in that time, for a trial over the last days."""
    rows = Alert.objects.filter(exercise=exercise, last_activity__gte=since, last_activity__lte=until)
    return list(rows.order_by("last_activity", "id").values_list("pk", flat=True))


def replayed_groups(alert_ids: Collection[int], limits: Limits, habits: Habits) -> list[Group]:
    """As `replay`, with the pairs that hold each group together."""
    with connection.cursor() as cursor:
        nodes = load_nodes(cursor, alert_ids, habits)
    for node in nodes:
        node.incident_id = None
    give_signals(nodes, marked_hubs=False)
    take_away(nodes, crowded_among(nodes, limits) | habitual_among(nodes, limits))
    for node, thing in daily_deeds_among(nodes, limits):
        node.signals.pop(thing, None)
    groups: list[Group] = []
    edges: list[Edge] = []
    for _ in range(MOST_ROUNDS):
        edges = find_edges(nodes, Candidates(), limits)
        groups = group_alerts(nodes, edges, {}, limits)
        spread = _in_many_groups(nodes, groups, limits)
        if not spread:
            break
        take_away(nodes, spread)
    stories = find_story_ties(groups, limits, habits)
    return group_alerts(nodes, [*edges, *stories], {}, limits) if stories else groups


def _in_many_groups(nodes: Sequence[Node], groups: Sequence[Group], limits: Limits) -> set[Thing]:
    """What the telling alerts of too many groups name within its rule's window."""
    place_of = {node.id: place for place, group in enumerate(groups) for node in group.alerts}
    named: dict[Thing, list[Node]] = defaultdict(list)
    for node in nodes:
        if not node.ordinary:
            for thing in node.signals:
                if RULES[thing[0]].hub:
                    named[thing].append(node)
    return {
        thing for thing, listed in named.items()
        if len({place_of[node.id] for node in listed}) >= limits.hub_incidents
        and _most_at_once(listed, place_of, limits, thing) >= limits.hub_incidents
    }  # fmt: skip


def _most_at_once(listed: list[Node], place_of: dict[int, int], limits: Limits, thing: Thing) -> int:
    """The most groups that name the thing within two windows' time."""
    span = 2 * limits.windows[thing[0]]
    listed = sorted(listed, key=lambda node: node.first)
    inside: Counter[int] = Counter()
    most = begin = 0
    for node in listed:
        inside[place_of[node.id]] += 1
        while node.first - listed[begin].last > span:
            gone = place_of[listed[begin].id]
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            begin += 1
        most = max(most, len(inside))
    return most
