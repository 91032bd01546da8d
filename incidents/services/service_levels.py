"""Keeping the clocks of service levels: with every change of an incident, when time alone changes them, and pauses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from core import audit, clock
from core.actors import Actor
from incidents import service_levels
from incidents.enums import IncidentStatus, PauseReason, ServiceClock, ServiceState
from incidents.ingest.copying import update_rows
from incidents.models import Incident
from incidents.queries.incidents import OPEN
from incidents.service_levels import Facts, Policy, Standing
from incidents.services.announce import announce_incident, publish_change
from incidents.services.changes import plain_text
from notifications.services.tell import tell
from notifications.topics import declare

SWEEPER = Actor.system("service levels")
AT_RISK = declare(
    "incident.sla_at_risk", "A service level is at risk", "Most of the promised time has passed.", channels=("page",)
)
BREACHED = declare(
    "incident.sla_breached", "A service level was breached", "The promised time has passed.",
    channels=("page", "mail"), urgent=True,
)  # fmt: skip
# Changes of these fields move a clock.
TOO_LATE = {
    ServiceClock.ACKNOWLEDGE: "not acknowledged in time",
    ServiceClock.CONTAIN: "containment not begun in time",
    ServiceClock.RESOLVE: "not resolved in time",
}
LITTLE_TIME = {
    ServiceClock.ACKNOWLEDGE: "little time left to acknowledge it",
    ServiceClock.CONTAIN: "little time left to begin containing it",
    ServiceClock.RESOLVE: "little time left to resolve it",
}
MOVING = frozenset({"status", "severity", "classification", "assigned_to"})
COLUMN_TYPES = {"sla": "jsonb", "sla_started": "timestamptz", "sla_state": "text", "sla_due": "timestamptz",
                "sla_next": "timestamptz"}  # fmt: skip
COLUMNS = tuple(COLUMN_TYPES)
AT_ONCE, MOST_PAUSES, MAX_NOTE = 500, 100, 1000
# Whoever is told of something that happened longer ago learns nothing that he can act on.
NEWS = timedelta(hours=1)


def facts_of(row: Incident) -> Facts:
    pauses = [(_time(one["since"]), _time(one["until"]) if one["until"] else None) for one in row.sla_pauses]
    return Facts(
        severity=row.severity,
        classification=row.classification,
        started=row.sla_started or row.created,
        acknowledged=row.acknowledged,
        contained=row.contained_at,
        resolved=row.resolved,
        closed=row.status == IncidentStatus.RESOLVED,
        gone=row.status == IncidentStatus.REDIRECTED,
        pauses=pauses,
    )


def settle_clocks(row: Incident, *, policy: Policy | None = None) -> dict[str, Any]:
    """Bring the clocks of a locked row up to date; answers what each clock was and is, where that differs."""
    promised = policy or service_levels.policy()
    standing = service_levels.settle(facts_of(row), row.sla, policy=promised, now=clock.now())
    before = {name: getattr(row, name) for name in COLUMNS}
    moved = _moved(row.sla, standing.clocks)
    _put(row, standing)
    if any(getattr(row, name) != value for name, value in before.items()):
        Incident.objects.filter(pk=row.pk).update(**{name: getattr(row, name) for name in COLUMNS})
    return moved


def show_as_of_now(rows: Iterable[Incident]) -> None:
    """Put into rows that are only shown what time has moved since the last sweep. Writes nothing; one query when there
    is anything to move."""
    now = clock.now()
    moved = [row for row in rows if row.sla_next is not None and row.sla_next <= now]
    if moved:
        _settle_many(moved, now=now)


def clocks_ahead(row: Incident, **ahead: Any) -> list[str]:
    """Set the clocks of a locked row as they will stand with these `Facts`; answers the columns for the caller to
    write with what it writes anyway."""
    facts = replace(facts_of(row), **ahead)
    _put(row, service_levels.settle(facts, row.sla, policy=service_levels.policy(), now=clock.now()))
    return list(COLUMNS)


def follow_roll_up(
    rows: Mapping[int, Incident], *, written: Sequence[Mapping[str, Any]], now: datetime
) -> list[audit.Entry]:
    """Before a roll-up is written: clocks begin for new incidents and follow a new severity, in the rows, for the
    caller to write. Answers what the log is to keep of it: everything from which the times can be computed again."""
    entries, moving = [], []
    for values in written:
        row, is_new = rows[values["id"]], rows[values["id"]].sla_started is None
        changes: dict[str, Any] = {}
        if is_new or row.first_activity != values["first_activity"]:
            changes["first_activity"] = (None if is_new else row.first_activity, values["first_activity"])
        if is_new:
            changes |= {"sla_started": (None, row.created), "severity": (None, values["severity"])}
        if changes:
            entries.append(audit.Entry("incident.clocks", row.thread, changes=changes))
        if is_new or values["severity"] != row.severity:
            row.severity = values["severity"]
            moving.append(row)
    if moving:
        _settle_many(moving, now=now)
    return entries


def _settle_many(rows: Iterable[Incident], *, now: datetime) -> dict[int, dict[str, Any]]:
    """Bring the clocks of many locked rows up to date; answers for each key what moved. Writes nothing."""
    promised, moved = service_levels.policy(), {}
    for row in rows:
        standing = service_levels.settle(facts_of(row), row.sla, policy=promised, now=now)
        moved[row.pk] = _moved(row.sla, standing.clocks)
        _put(row, standing)
    return moved


def _put(row: Incident, standing: Standing) -> None:
    row.sla, row.sla_state = standing.clocks, standing.state
    row.sla_due, row.sla_next = standing.due, standing.next
    row.sla_started = row.sla_started or row.created


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """`{"resolve": ("active", "atRisk")}`"""
    states = {name: (before.get(name, {}).get("state", ""), after.get(name, {}).get("state", "")) for name in _names()}
    return {name: pair for name, pair in states.items() if pair[0] != pair[1]}


def _names() -> list[str]:
    return [kind.value for kind in ServiceClock]


def take_over_start(pairs: Sequence[tuple[Incident, Incident]], *, actor: Actor) -> None:
    """Of incidents that became one the earliest start counts. `pairs` are `(source, target)`, locked."""
    starts: dict[int, datetime] = {}
    for source, target in pairs:
        begun = min(source.sla_started or source.created, target.sla_started or target.created)
        starts[target.pk] = min(begun, starts.get(target.pk, begun))
    entries = []
    for target in {target.pk: target for _, target in pairs}.values():
        before = target.sla_started or target.created
        if starts[target.pk] < before:
            Incident.objects.filter(pk=target.pk).update(sla_started=starts[target.pk])
            target.sla_started = starts[target.pk]
            changes = {"sla_started": (before, starts[target.pk])}
            entries.append(audit.Entry("incident.clocks", target.thread, changes=changes))
    audit.record_many(entries, actor=actor)


def sweep_service_levels(*, actor: Actor) -> int:
    """Move the clocks that time alone has moved, and begin those of incidents from before there were any. Answers how
    many were looked at."""
    now = clock.now()
    with transaction.atomic():
        due = Q(sla_next__lte=now) | Q(sla_started=None, status__in=OPEN)
        rows = list(
            Incident.objects.select_for_update(of=("self",), skip_locked=True)
            .filter(due)
            .select_related("assigned_to")
            .order_by("pk")[:AT_ONCE]
        )
        if not rows:
            return 0
        begun = {row.pk for row in rows if row.sla_started is None}
        moved = _settle_many(rows, now=now)
        values = [{"id": row.pk, **{name: getattr(row, name) for name in COLUMNS}} for row in rows]
        update_rows(Incident._meta.db_table, COLUMN_TYPES, values)
        audit.record_many([_beginning(row) for row in rows if row.pk in begun], actor=actor)
        late = [row for row in rows if moved[row.pk] and row.pk not in begun]
        audit.record_many(
            [audit.Entry("incident.service_level", row.thread, row.thread, changes=moved[row.pk]) for row in late],
            actor=actor,
        )
        for row in late:
            announce_incident(row)
            _tell(row, moved[row.pk], now=now)
    return len(rows)


def _beginning(row: Incident) -> audit.Entry:
    """From here on the log alone tells the times of an incident that is older than this telling."""
    names = ("first_activity", "sla_started", "severity", "acknowledged", "contained_at")
    return audit.Entry("incident.clocks", row.thread, changes={name: (None, getattr(row, name)) for name in names})


def _tell(row: Incident, moved: Mapping[str, tuple[str, str]], *, now: datetime) -> None:
    """Of each clock that went over an edge lately: to the owner while it is at risk, to everybody whom it concerns when
    it is too late."""
    for name, (_, state) in moved.items():
        due = row.sla[name]["due"] if name in row.sla else None
        if state not in (ServiceState.AT_RISK, ServiceState.BREACHED) or due is None or _time(due) < now - NEWS:
            continue
        breached = state == ServiceState.BREACHED
        owner = row.assigned_to if row.assigned_to and row.assigned_to.is_active else None
        tell(
            BREACHED if breached else AT_RISK,
            subject=row.thread,
            title=f"{row.number}: {(TOO_LATE if breached else LITTLE_TIME)[ServiceClock(name)]}",
            body=f"{row.display_name}. Target: {_time(due):%Y-%m-%d %H:%M} UTC.",
            url=f"/incidents/{row.pk}/",
            severity=row.severity,
            device_group_ids=row.device_group_ids,
            people=[owner] if owner and not breached else None,
            once=f"{row.pk}:{name}:{state}:{due}",
            actor=SWEEPER,
        )


def pause_clocks(incident: Incident, *, reason: str, note: str, actor: Actor) -> Incident:
    """Let all clocks of an open incident stand still. Raises `ValidationError`."""
    if reason not in PauseReason.values:
        raise ValidationError(f"{reason[:40]!r} is not a reason.")
    note = plain_text(note, limit=MAX_NOTE, label="Note", required=reason == PauseReason.OTHER)
    with transaction.atomic():
        row = Incident.objects.select_for_update().get(pk=incident.pk)
        if not row.is_open:
            raise ValidationError("The clocks of a closed incident do not run.")
        if is_paused(row):
            raise ValidationError("The clocks stand still already.")
        if len(row.sla_pauses) >= MOST_PAUSES:
            raise ValidationError(f"An incident is paused at most {MOST_PAUSES} times.")
        now = clock.now()
        row.sla_pauses = [*row.sla_pauses, {"since": now.isoformat(), "until": None, "reason": reason, "note": note,
                                            "by": actor.name}]  # fmt: skip
        _save_pauses(row, actor, "incident.paused", {"since": (None, now)}, note, data={"reason": reason})
    return row


def resume_clocks(incident: Incident, *, note: str, actor: Actor) -> Incident:
    """Let the clocks go on. Raises `ValidationError` when they run."""
    note = plain_text(note, limit=MAX_NOTE, label="Note")
    with transaction.atomic():
        row = Incident.objects.select_for_update().get(pk=incident.pk)
        if not is_paused(row):
            raise ValidationError("The clocks run already.")
        end_pause(row, actor=actor, note=note)
        publish_change(row, ["sla"])
    return row


def end_pause(row: Incident, *, actor: Actor, note: str = "") -> None:
    """End the pause of a locked row, if there is one: also what closing an incident does."""
    if not is_paused(row):
        return
    now = clock.now()
    row.sla_pauses = [*row.sla_pauses[:-1], {**row.sla_pauses[-1], "until": now.isoformat()}]
    Incident.objects.filter(pk=row.pk).update(sla_pauses=row.sla_pauses)
    audit.record("incident.resumed", subject=row.thread, thread=row.thread, actor=actor, reason=note,
                 changes={"until": (None, now)})  # fmt: skip
    settle_clocks(row)


def is_paused(row: Incident) -> bool:
    return bool(row.sla_pauses) and row.sla_pauses[-1]["until"] is None


def _save_pauses(
    row: Incident, actor: Actor, verb: str, changes: dict[str, Any], note: str, *, data: dict[str, Any]
) -> None:
    Incident.objects.filter(pk=row.pk).update(sla_pauses=row.sla_pauses)
    audit.record(verb, subject=row.thread, thread=row.thread, actor=actor, reason=note, changes=changes, data=data)
    settle_clocks(row)
    publish_change(row, ["sla"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
