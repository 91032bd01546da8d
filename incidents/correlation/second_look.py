"""Looking again at incidents that nobody has touched: more is known now than when their alerts came.

The lane decides at once, with what it knows at that moment, and only ever joins. What an alert shares with others may
turn out to be a habit of the house, or two alerts that came in the wrong order may turn out to belong together. So from
time to time the alerts of all untouched open incidents are put together anew, as `replay` does it, and what differs is
changed: a function of the alerts alone, so in the end neither the order of arrival nor the size of batches nor the
number of clients decides. An incident that a person or a token has done anything with stays as it is.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import connection, transaction

from core import audit, clock
from core.actors import Actor
from incidents.correlation.engine import ACTOR, LANE_LOCK
from incidents.correlation.grouping import Edge, Group
from incidents.correlation.habits import fresh_habits
from incidents.correlation.joining import Busy, apply_groups
from incidents.correlation.merge import load_sizes, merge_incidents
from incidents.correlation.nodes import Node
from incidents.correlation.replay import replayed_groups
from incidents.correlation.rules import limits_in_force
from incidents.enums import IncidentStatus
from incidents.models import Alert, CorrelationLink, Incident

logger = logging.getLogger(__name__)
# An incident is looked at again as long as it is so young.
YOUNG = timedelta(days=30)
# So many alerts are put together at once; what is more is looked at in parts, one after the other in event time.
PART = 40_000
WHY = "Looked at again, with what is known now"


@dataclass(slots=True)
class Looked:
    """What was found: alerts that were looked at, and how many of them are in another incident now."""

    alerts: int = 0
    moved: int = 0


@dataclass(slots=True)
class _Change:
    """A group that is no incident yet: its new home, or None, and where each of its alerts is now."""

    group: Group
    home: int | None
    now_in: dict[int, int]

    @property
    def moving(self) -> dict[int, int]:
        return {pk: incident for pk, incident in self.now_in.items() if incident != self.home}


def look_again(*, actor: Actor = ACTOR) -> Looked:
    """All untouched open incidents that are young, in parts. Goes home when another worker holds the lane."""
    looked = Looked()
    for incidents in _parts():
        try:
            with transaction.atomic():
                if not _hold_lane():
                    return looked
                part = _look_at(incidents, actor=actor)
        except Busy:
            logger.info("somebody works on an incident that was to be looked at again; the next time it is")
            continue
        looked.alerts += part.alerts
        looked.moved += part.moved
    return looked


def _hold_lane() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LANE_LOCK])
        return bool(cursor.fetchone()[0])


def _parts() -> Iterator[list[int]]:
    rows = Incident.objects.filter(
        status=IncidentStatus.ACTIVE, created__gte=clock.now() - YOUNG, restricted=False, assigned_to=None,
        continues=None,
    )  # fmt: skip
    part: list[int] = []
    alerts = 0
    for pk, counts in rows.order_by("first_activity", "pk").values_list("pk", "alert_counts"):
        total = int(counts.get("total", 1))
        if part and alerts + total > PART:
            yield part
            part, alerts = [], 0
        part.append(pk)
        alerts += total
    if part:
        yield part


def _look_at(incidents: Collection[int], *, actor: Actor) -> Looked:
    free = [pk for pk, size in load_sizes(incidents, incidents).items() if not size.fixed]
    rows = Alert.objects.filter(incident__in=free).exclude(correlated=None)
    now_in = dict(rows.values_list("pk", "incident_id"))
    limits = limits_in_force()
    groups = replayed_groups(list(now_in), limits, fresh_habits(limits))
    changes = _changes(groups, now_in)
    if changes:
        _count_others(changes, groups)
        _apply(changes, actor=actor)
    return Looked(len(now_in), sum(len(change.moving) for change in changes))


def _changes(groups: Sequence[Group], now_in: dict[int, int]) -> list[_Change]:
    """The groups that are not just one incident. Each incident stays with the group that has most of its alerts."""
    sizes = Counter(now_in.values())
    open_groups: dict[int, _Change] = {}
    claims = []
    for place, group in enumerate(groups):
        homes = {node.id: now_in[node.id] for node in group.alerts}
        inside = Counter(homes.values())
        if len(inside) == 1 and sizes[next(iter(inside))] == len(homes):
            continue
        open_groups[place] = _Change(group, None, homes)
        claims += [(-count, incident, place) for incident, count in inside.items()]
    taken: set[int] = set()
    for _, incident, place in sorted(claims):
        if incident not in taken and open_groups[place].home is None:
            open_groups[place].home = incident
            taken.add(incident)
    return list(open_groups.values())


def _count_others(changes: Sequence[_Change], groups: Sequence[Group]) -> None:
    """How many other groups name what ties an alert that moves, for the words of its reason."""
    wanted = {
        edge.thing
        for change in changes
        for edge in change.group.edges
        if edge.alert in change.moving or edge.other in change.moving
    }
    named: dict[tuple[str, str], list[tuple[int, Node]]] = defaultdict(list)
    for place, group in enumerate(groups, start=1):
        for node in group.alerts:
            for thing in wanted & node.named:
                named[thing].append((-place, node))
    places = {id(group): -place for place, group in enumerate(groups, start=1)}
    for change in changes:
        own = places[id(change.group)]
        change.group.edges = [
            replace(edge, named_in=_around(edge, named[edge.thing]) - {own}) if edge.thing in wanted else edge
            for edge in change.group.edges
        ]


def _around(edge: Edge, named: Sequence[tuple[int, Node]]) -> frozenset[int]:
    (first, last), _ = edge.spans
    return frozenset(
        place for place, node in named if node.last >= first - edge.window and node.first <= last + edge.window
    )


def _apply(changes: Sequence[_Change], *, actor: Actor) -> None:
    """As the lane writes: alerts that move get their reasons anew, those that stay keep theirs."""
    emptied = _emptied(changes)
    _lock({incident for change in changes for incident in change.now_in.values()})
    moved = [pk for change in changes for pk in change.moving]
    CorrelationLink.objects.filter(alert__in=moved).delete()
    for change in changes:
        change.group.incident, change.group.merged = change.home, []
        for node in change.group.alerts:
            node.incident_id = None if node.id in change.moving else change.home
    apply_groups([change.group for change in changes], actor=actor)
    _tell(changes, actor=actor)
    _redirect(emptied, actor=actor)


def _lock(incidents: set[int]) -> None:
    rows = Incident.objects.select_for_update(skip_locked=True).filter(pk__in=incidents, status=IncidentStatus.ACTIVE)
    if set(rows.order_by("pk").values_list("pk", flat=True)) != incidents:
        raise Busy


def _emptied(changes: Sequence[_Change]) -> dict[int, int]:
    """Incidents that keep nothing, with an alert that tells where most of theirs went."""
    kept = {change.home for change in changes}
    gone: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for change in changes:
        for incident, count in Counter(change.now_in.values()).items():
            if incident not in kept:
                gone[incident].append((-count, min(pk for pk, home in change.now_in.items() if home == incident)))
    return {incident: min(found)[1] for incident, found in gone.items()}


def _redirect(emptied: dict[int, int], *, actor: Actor) -> None:
    """Their addresses and comments lead on."""
    targets = dict(Alert.objects.filter(pk__in=emptied.values()).values_list("pk", "incident_id"))
    rows = Incident.objects.in_bulk([*emptied, *targets.values()])
    by_target: dict[int, list[Incident]] = defaultdict(list)
    for incident, alert in emptied.items():
        by_target[targets[alert]].append(rows[incident])
    merge_incidents([(rows[pk], sources) for pk, sources in by_target.items()], actor=actor, reason=WHY)


def _tell(changes: Sequence[_Change], *, actor: Actor) -> None:
    """A line in the history of each incident that an alert left."""
    moved = {pk: incident for change in changes for pk, incident in change.moving.items()}
    now_in = dict(Alert.objects.filter(pk__in=moved).values_list("pk", "incident_id"))
    audit.record_many(
        [
            audit.Entry("incident.alert_moved_out", f"alert:{pk}", f"incident:{old}", reason=WHY,
                        data={"alert": pk, "from": old, "to": now_in[pk]})
            for pk, old in moved.items()
        ],
        actor=actor,
    )  # fmt: skip
