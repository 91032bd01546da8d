"""The times of incidents as the audit log alone tells them: the log is played again, event by event, through the same
rules by which the clocks of service levels stand. No column of an incident is read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from core.models import AuditEvent
from incidents.enums import Classification, IncidentStatus, Severity
from incidents.service_levels import PREFIX, Facts, Policy, defaults, settle

OPTION = "option.changed"
VERBS = ("incident.created", "incident.changed", "incident.rolled_up", "incident.status", "incident.contained",
         "incident.uncontained", "incident.clocks", "incident.paused", "incident.resumed", OPTION)  # fmt: skip
_CLOSED, _BEGUN = IncidentStatus.RESOLVED.value, IncidentStatus.IN_PROGRESS.value


@dataclass(slots=True)
class Told:
    """One incident. `complete`: the log tells its beginning, which it did not before service levels were kept."""

    pk: int
    severity: str = Severity.UNKNOWN.value
    classification: str = Classification.UNKNOWN.value
    first_activity: datetime | None = None
    started: datetime | None = None
    acknowledged: datetime | None = None
    contained: datetime | None = None
    resolved: datetime | None = None
    status: str = IncidentStatus.ACTIVE.value
    pauses: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    clocks: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.first_activity is not None and self.started is not None

    @property
    def gone(self) -> bool:
        return self.status == IncidentStatus.REDIRECTED

    def seconds_to(self, name: str) -> float | None:
        mark: datetime | None = getattr(self, name)
        if mark is None or self.first_activity is None:
            return None
        return max(0.0, (mark - self.first_activity).total_seconds())


def told_times(until: datetime) -> dict[int, Told]:
    """Every incident that the log knows up to `until`."""
    found: dict[int, Told] = {}
    promised = Policy(defaults())
    for group in _acts(_events(until)):
        if group[0].verb == OPTION:
            promised = _with_option(promised, group[0])
            continue
        pk = int(group[0].subject.rpartition(":")[2])
        told = found.setdefault(pk, Told(pk))
        for event in group:
            _READERS[event.verb](told, event)
        if told.started is not None:
            told.clocks = settle(_facts(told, told.started), told.clocks, policy=promised, now=group[-1].at).clocks
    return found


def _events(until: datetime) -> Iterator[AuditEvent]:
    """What was told of each incident; a merge copies it into another thread, and those copies are left out."""
    rows = AuditEvent.objects.filter(verb__in=VERBS, at__lte=until).exclude(data__has_key="copied_from")
    own = rows.filter(subject__startswith="incident:") | rows.filter(
        verb=OPTION, subject__startswith=f"option:{PREFIX}"
    )
    return own.order_by("at", "id").iterator(chunk_size=5000)


def _acts(events: Iterable[AuditEvent]) -> Iterator[list[AuditEvent]]:
    """Events of one act together: same incident, same version."""
    group: list[AuditEvent] = []
    for event in events:
        version = event.data.get("version")
        if group and (version is None or _act_of(group[-1]) != (event.subject, version)):
            yield group
            group = []
        group.append(event)
    if group:
        yield group


def _act_of(event: AuditEvent) -> tuple[str, Any]:
    return event.subject, event.data.get("version")


def _with_option(promised: Policy, event: AuditEvent) -> Policy:
    key = event.subject.removeprefix("option:")
    if key not in promised.values:
        return promised
    return replace(promised, values={**promised.values, key: event.changes["value"][1]})


def _facts(told: Told, started: datetime) -> Facts:
    return Facts(
        severity=told.severity, classification=told.classification, started=started,
        acknowledged=told.acknowledged, contained=told.contained, resolved=told.resolved,
        closed=told.status == _CLOSED, gone=told.gone, pauses=tuple(told.pauses),
    )  # fmt: skip


def _created(told: Told, event: AuditEvent) -> None:
    if "severity" in event.changes:
        told.severity = str(event.changes["severity"][1])


def _changed(told: Told, event: AuditEvent) -> None:
    changes = event.changes
    if "severity" in changes:
        told.severity = str(changes["severity"][1])
    if "classification" in changes:
        told.classification = str(changes["classification"][1])
    if changes.get("assigned_to", [None, None])[1] is not None and told.acknowledged is None:
        told.acknowledged = event.at


def _moved(told: Told, event: AuditEvent) -> None:
    before, after = event.changes["status"]
    told.status = str(after)
    if after == _CLOSED:
        told.resolved = event.at
    elif before == _CLOSED and after != IncidentStatus.REDIRECTED:
        told.resolved = None
    if after == _BEGUN and told.acknowledged is None:
        told.acknowledged = event.at


def _contained(told: Told, event: AuditEvent) -> None:
    told.contained = told.contained or _time(event.changes["contained_at"][1])


def _uncontained(told: Told, event: AuditEvent) -> None:
    told.contained = _time(event.changes["contained_at"][1])


_NAMES: Mapping[str, str] = {"first_activity": "first_activity", "sla_started": "started",
                             "acknowledged": "acknowledged", "contained_at": "contained"}  # fmt: skip


def _clocks(told: Told, event: AuditEvent) -> None:
    for name, (_, value) in event.changes.items():
        if name == "severity":
            told.severity = str(value)
        elif name in _NAMES:
            setattr(told, _NAMES[name], _time(value))


def _paused(told: Told, event: AuditEvent) -> None:
    told.pauses.append((_time(event.changes["since"][1]) or event.at, None))


def _resumed(told: Told, event: AuditEvent) -> None:
    if told.pauses:
        told.pauses[-1] = (told.pauses[-1][0], _time(event.changes["until"][1]))


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


_READERS: Mapping[str, Callable[[Told, AuditEvent], None]] = {
    "incident.created": _created,
    "incident.changed": _changed,
    "incident.rolled_up": _changed,
    "incident.status": _moved,
    "incident.contained": _contained,
    "incident.uncontained": _uncontained,
    "incident.clocks": _clocks,
    "incident.paused": _paused,
    "incident.resumed": _resumed,
}
