"""Writing what was found: new incidents, alerts into their incidents, reasons, history, news."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from core import audit, clock, outbox
from core.actors import Actor
from incidents.correlation.continuing import tell_both
from incidents.correlation.explain import Reason, reasons_of
from incidents.correlation.grouping import Group
from incidents.correlation.merge import merge_incidents
from incidents.enums import IncidentStatus
from incidents.ingest.copying import copy_rows
from incidents.models import CorrelationLink, Incident
from incidents.queries.incidents import OPEN
from incidents.services.announce import CHANGED, CREATED, announce_incident
from incidents.services.risk import raise_risk
from incidents.services.roll_up import roll_up
from incidents.services.tell_of import tell_created

CORRELATED = "incident.correlated"
MOST_ANNOUNCED = 50
_LINK_COLUMNS = ("alert_id", "incident_id", "reason", "rule", "evidence", "other_alert_id", "created")


# What is read of an incident that is joined or merged.
_NEEDED = ("pk", "status", "restricted", "assigned_to_id", "display_name")


@dataclass(frozen=True, slots=True)
class Home:
    """The incident that the alerts of a group go into, with its owner."""

    pk: int
    owner: int | None = None

    @property
    def thread(self) -> str:
        return f"incident:{self.pk}"


class Busy(Exception):
    """Somebody holds an incident that is needed, or has just closed it: look again in a moment."""


def apply_groups(groups: Sequence[Group], *, actor: Actor) -> None:
    """Write all groups in the caller's transaction, with a fixed number of statements besides merges."""
    existing = _lock(groups)
    _hold_closed({group.continues for group in groups if group.continues is not None})
    merges = [(existing[group.incident], [existing[pk] for pk in group.merged])
              for group in groups if group.incident is not None and group.merged]  # fmt: skip
    merge_incidents(merges, actor=actor, reason="they turned out to belong together")
    fresh = _open_new(groups)
    homes = {pk: Home(pk, row.assigned_to_id) for pk, row in existing.items()}
    pairs = [(group, fresh[id(group)] if group.incident is None else homes[group.incident]) for group in groups]
    new = {home.pk for home in fresh.values()}
    _place_alerts(pairs)
    _keep_reasons(pairs, new=new, actor=actor)
    raise_risk([node.id for group in groups for node in group.alerts])
    roll_up([home.pk for _, home in pairs], actor=actor)
    tell_both({fresh[id(group)].pk: group.continues for group in groups if group.continues is not None}, actor=actor)
    _announce(pairs, new=new, actor=actor)


def _lock(groups: Sequence[Group]) -> dict[int, Incident]:
    """The incidents that alerts join. A resolved or restricted one is joined by nothing new; an alert that is in it
    already stays."""
    joined = {pk for group in groups for pk in (group.incident, *group.merged) if pk is not None}
    if not joined:
        return {}
    stay = {node.incident_id for group in groups for node in group.alerts if node.incident_id is not None}
    free = Incident.objects.select_for_update(skip_locked=True).filter(pk__in=joined).order_by("pk").only(*_NEEDED)
    rows = {row.pk: row for row in free}
    joinable = {pk for pk, row in rows.items() if pk in stay or (row.status in OPEN and not row.restricted)}
    if joinable != joined:
        raise Busy
    return rows


def _hold_closed(closed: set[int]) -> None:
    """What is continued stays resolved until the new incident says so."""
    if not closed:
        return
    rows = Incident.objects.select_for_update(skip_locked=True, no_key=True).filter(pk__in=closed, restricted=False)
    held = rows.filter(status=IncidentStatus.RESOLVED).order_by("pk").values_list("pk", flat=True)
    if set(held) != closed:
        raise Busy


def _open_new(groups: Sequence[Group]) -> dict[int, Home]:
    """An incident for each group that has none; its name and all else come with the roll-up."""
    opening = [group for group in groups if group.incident is None]
    if not opening:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('incidents_incident', 'id')) FROM generate_series(1, %s)",
            [len(opening)],
        )
        ids = [row[0] for row in cursor.fetchall()]
    firsts = [group.alerts[0] for group in opening]
    _insert_blank({
        ("id", "bigint"): ids,
        ("first_activity", "timestamptz"): [one.first for one in firsts],
        ("last_activity", "timestamptz"): [group.alerts[-1].last for group in opening],
        ("exercise", "text"): [one.exercise for one in firsts],
        ("continues_id", "bigint"): [group.continues for group in opening],
    })  # fmt: skip
    return {id(group): Home(pk) for pk, group in zip(ids, opening, strict=True)}


def _insert_blank(own: Mapping[tuple[str, str], list[Any]]) -> None:
    """Incidents with these values, by column and type; in all other columns they are alike."""
    names = [name for name, _ in own]
    now = clock.now()
    blank = Incident(display_name="", created=now, updated=now)
    alike = {
        str(field.column): field.get_db_prep_save(getattr(blank, field.attname), connection)
        for field in Incident._meta.concrete_fields
        if field.column not in names
    }
    lists = ", ".join(f"%s::{kind}[]" for _, kind in own)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO incidents_incident ({', '.join([*names, *alike])}) "
            f"SELECT v.*{', %s' * len(alike)} FROM unnest({lists}) v",
            [*alike.values(), *own.values()],
        )


def _place_alerts(pairs: Sequence[tuple[Group, Home]]) -> None:
    """Into the incident, and to its owner: an incident has one."""
    alerts = [node.id for group, _ in pairs for node in group.alerts]
    incidents = [home.pk for group, home in pairs for _ in group.alerts]
    owners = [home.owner for group, home in pairs for _ in group.alerts]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE incidents_alert a SET incident_id = v.incident, correlated = %s, "
            "assigned_to_id = coalesce(a.assigned_to_id, v.owner) "
            "FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS v(alert, incident, owner) WHERE a.id = v.alert",
            [clock.now(), alerts, incidents, owners],
        )


def _keep_reasons(pairs: Sequence[tuple[Group, Home]], *, new: set[int], actor: Actor) -> None:
    """A link for each reason, and a line in the incident's history for each alert that came."""
    links: list[tuple[Any, ...]] = []
    entries: list[audit.Entry] = []
    now = clock.now()
    for group, home in pairs:
        if home.pk in new:
            entries.append(
                audit.Entry(
                    "incident.created",
                    home.thread,
                    home.thread,
                    data={"alert": group.alerts[0].id, "alerts": len(group.alerts)},
                )
            )
        for alert_id, reasons in reasons_of(group).items():
            links += [(alert_id, home.pk, one.reason.value, one.rule, one.evidence, one.other, now) for one in reasons]
            entries.append(_joined(alert_id, home, reasons))
    if links:
        copy_rows(CorrelationLink._meta.db_table, _LINK_COLUMNS, links)
    audit.record_many(entries, actor=actor)


def _joined(alert_id: int, home: Home, reasons: Sequence[Reason]) -> audit.Entry:
    data: dict[str, Any] = {"alert": alert_id}
    if reasons:
        data |= {"rule": reasons[0].rule, "reason": reasons[0].reason.value, "other_alert": reasons[0].other}
    return audit.Entry(
        "incident.alert_joined",
        f"alert:{alert_id}",
        home.thread,
        reason=reasons[0].evidence if reasons else "",
        data=data,
    )


def _announce(pairs: Sequence[tuple[Group, Home]], *, new: set[int], actor: Actor) -> None:
    """To the later rooms, and to open pages with the scope that the roll-up has just written. After a flood the pages
    hear of the gravest only: any of them makes a list look again."""
    for group, home in pairs:
        outbox.publish(CORRELATED, incident_id=home.pk, alert_ids=[node.id for node in group.alerts])
    tell_created(new, actor=actor)
    rows = Incident.objects.filter(pk__in=[home.pk for _, home in pairs])
    shown = rows.only("pk", "restricted", "open_to_all", "device_group_ids").order_by("-priority_score", "pk")
    for row in shown[:MOST_ANNOUNCED]:
        announce_incident(row, topic=CREATED if row.pk in new else CHANGED)
