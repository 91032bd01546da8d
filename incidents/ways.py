"""How an attack came from machine to machine, as far as what put the alerts together says so."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from incidents.enums import CorrelationReason
from incidents.models import Alert, CorrelationLink
from incidents.story import Node, Story

# What only lies near in time or place, and what says that an alert is the same one again, is no way.
NO_WAY = frozenset({
    CorrelationReason.REPEATED_ALERT_OCCURRENCE, CorrelationReason.SAME_GEOGRAPHY, CorrelationReason.TIME_FRAME,
    CorrelationReason.SAME_NETWORK_SEGMENT, CorrelationReason.TEMPORAL_PROXIMITY, CorrelationReason.NETWORK_PROXIMITY,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """From the machine that was hit before to the one that came after it. `moved`: an account went that way; else the
    alerts of both belong together by what is alike."""

    source: Node
    target: Node
    reason: str
    at: datetime

    @property
    def moved(self) -> bool:
        return self.reason == CorrelationReason.LATERAL_MOVEMENT_PATH


def ways_of(story: Story) -> list[Way]:
    """For each machine the one way on which it was reached: where an account moved rather than what is alike, and the
    earliest of those. One query."""
    best: dict[str, Way] = {}
    for way in _ways(story):
        known = best.get(way.target.key)
        if known is None or _rank(way) < _rank(known):
            best[way.target.key] = way
    return list(best.values())


def _rank(way: Way) -> tuple[bool, datetime, datetime]:
    return not way.moved, way.at, way.source.first


def _ways(story: Story) -> Iterator[Way]:
    homes, alerts = _homes(story), {alert.pk: alert for alert in story.alerts}
    if len({node.key for node in homes.values()}) < 2:
        return
    links = CorrelationLink.objects.filter(alert__in=list(homes), other_alert__in=list(homes), undone=None)
    said = links.exclude(reason__in=NO_WAY).exclude(rule="manual_move").order_by("pk")
    for link in said.exclude(other_alert=None):
        ends = [alerts[pk] for pk in (link.alert_id, link.other_alert_id) if pk is not None]
        before, after = sorted(ends, key=_moment)
        source, target = homes[before.pk], homes[after.pk]
        if source.first < target.first:
            yield Way(source, target, link.reason, after.first_activity)


def _moment(alert: Alert) -> tuple[datetime, int]:
    return alert.first_activity, alert.pk


def _homes(story: Story) -> dict[int, Node]:
    """The machine of each alert that names one only."""
    found: dict[int, Node] = {}
    for pk, members in story.members.items():
        machines = {node.key: node for node, _item in members if node.kind == "device"}
        if len(machines) == 1:
            found[pk] = next(iter(machines.values()))
    return found
