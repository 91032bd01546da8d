"""Everything that happened in an incident as one timeline: audit events and comments, in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from accounts.models import User
from core.actors import Actor, ActorKind
from core.models import AuditEvent
from core.pages import leaf
from core.pagination import Keyset
from core.wording import counted
from incidents.enums import AlertStatus, Category, Classification, Determination, IncidentStatus, Severity
from incidents.history import as_told, events_of
from incidents.models import Alert, Comment, Incident

ORDER = Keyset(("at", "id"))
# Long enough for one act over many alerts to be one entry.
SIZE = 200
ONE_ACT = timedelta(seconds=1)
KINDS: Mapping[str, tuple[str, Q]] = {
    "comments": ("Comments", Q(verb="incident.commented")),
    "changes": ("Changes", Q(verb__startswith="incident.") & ~Q(verb="incident.commented")
                & ~Q(verb__startswith="incident.alert_")),
    "alerts": ("Alerts", Q(verb__startswith="alert") | Q(verb__startswith="incident.alert_")
               | Q(verb__in=["incident.correlated", "alerts.moved"])),
    "actions": ("Actions", Q(verb__startswith="run.") | Q(verb__startswith="action")),
    "merged": ("Merged in", Q(data__has_key="copied_from") | Q(verb="incident.merged")),
}  # fmt: skip
ORIGINS: Mapping[str, str] = {kind.value: kind.value.capitalize() for kind in ActorKind}
# verb -> (sentence, kind of dot, icon); `{subject}` is the thing it happened to.
SENTENCES: Mapping[str, tuple[str, str, str]] = {
    "incident.status": ("Status changed", "acc", "flag"),
    "incident.changed": ("Incident changed", "", "pen"),
    "incident.created": ("Incident opened", "acc", "plus"),
    "incident.commented": ("Comment", "", "comment"),
    "incident.restricted": ("Restricted to named people", "warn", "lock"),
    "incident.opened_to_all": ("Restriction lifted", "", "lock"),
    "incident.correlated": ("Alerts joined", "", "link"),
    "incident.severity": ("Severity followed its alerts", "", "flag"),
    "incident.rolled_up": ("Followed its alerts", "", "refresh"),
    "incident.alert_joined": ("Alert {subject} joined", "", "link"),
    "incident.alert_moved_in": ("Alert {subject} moved in", "", "right"),
    "incident.alert_moved_out": ("Alert {subject} moved out", "", "right"),
    "incident.merged": ("Another incident merged into this one", "acc", "merge"),
    "incident.merged_away": ("Merged into another incident", "acc", "merge"),
    "incident.continues": ("Continues {subject}", "acc", "link"),
    "incident.continued": ("Continued in {subject}", "warn", "link"),
    "incident.rise_seen": ("Rise to High seen", "", "flag"),
    "incident.service_level": ("Service level changed", "warn", "clock"),
    "incident.paused": ("Clocks paused", "warn", "pause"),
    "incident.resumed": ("Clocks run again", "", "play"),
    "incident.contained": ("First containment verified", "ok", "check"),
    "incident.uncontained": ("Containment taken back", "warn", "undo"),
    "incident.description": ("Description changed", "", "pen"),
    "review.begun": ("Review begun", "", "review"),
    "review.written": ("Review written", "", "review"),
    "review.finding_added": ("Finding added to the review", "", "review"),
    "review.finding_removed": ("Finding removed from the review", "", "review"),
    "review.follow_up_added": ("Follow-up agreed", "", "review"),
    "review.addendum": ("Addendum to the signed review", "", "review"),
    "follow_up.added": ("Follow-up agreed", "", "review"),
    "follow_up.changed": ("Follow-up changed", "", "review"),
    "follow_up.state": ("State of a follow-up changed", "", "check"),
    "lesson.written": ("Lesson written", "", "review"),
    "lesson.changed": ("Lesson changed", "", "review"),
    "lesson.state": ("State of a lesson changed", "", "review"),
    "lesson.linked": ("Lesson linked", "", "link"),
    "lesson.unlinked": ("Lesson unlinked", "", "link"),
    "review.signed": ("Review signed", "ok", "review"),
    "evidence.remediation_status": ("State of evidence changed", "", "file"),
    "run.requested": ("Action requested", "acc", "bolt"),
    "run.decision": ("Action decided", "acc", "bolt"),
    "run.status": ("Action went on", "", "bolt"),
    "run.refused": ("Action refused", "warn", "bolt"),
    "control.drifted": ("State in force was changed elsewhere", "warn", "warn"),
    "control.agrees": ("State in force is as wanted again", "ok", "check"),
    "control.ended": ("State in force ended with its agent", "warn", "clock"),
    "control.accepted": ("What was seen is accepted as wanted", "acc", "check"),
    "run.cancel_asked": ("Cancellation asked for", "", "bolt"),
    "alert.status": ("Status of alert {subject} changed", "", "bell"),
    "alert.changed": ("Alert {subject} changed", "", "bell"),
    "alert.moved": ("Alert {subject} moved", "", "right"),
    "alert.correlated": ("Alert {subject} joined", "", "link"),
    "alerts.moved": ("Alerts moved", "", "right"),
}
# What one act does to several alerts at once is one entry: verb -> sentence.
OF_SEVERAL: Mapping[str, str] = {
    "alert.status": "Status of {alerts} changed",
    "alert.changed": "{alerts} changed",
    "alert.moved": "{alerts} moved",
    "alert.correlated": "{alerts} joined",
    "incident.alert_joined": "{alerts} joined",
    "incident.alert_moved_in": "{alerts} moved in",
    "incident.alert_moved_out": "{alerts} moved out",
}
FIELDS: Mapping[str, str] = {
    "display_name": "Name", "assigned_to": "Owner", "custom_tags": "Tags", "resolving_comment": "Resolution note",
    "restricted_to": "People", "resolved": "Resolved",
}  # fmt: skip
LABELS: Mapping[str, str] = {
    str(item.value): str(item.label)
    for enum in (AlertStatus, IncidentStatus, Severity, Classification, Determination, Category)
    for item in enum
    if item.value != "unknown"
}


@dataclass(frozen=True, slots=True)
class Change:
    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Activity:
    """One entry. `text` is what a person wrote: comment or reason. `parts` are the entries that it stands for."""

    at: datetime
    actor: Actor
    title: str
    symbol: str
    kind: str
    changes: tuple[Change, ...]
    text: str
    quoted: bool
    origin: str
    parts: tuple["Activity", ...] = ()


@dataclass(frozen=True, slots=True)
class ActivityPage:
    entries: list[Activity]
    newer: str
    older: str


def activities_of(
    incident: Incident, user: User, *, kinds: Sequence[str] = (), origins: Sequence[str] = (), cursor: str = ""
) -> ActivityPage:
    """One page of the incident's thread, newest first: one scan of the history, then names and texts of that page."""
    events = events_of(incident, user)
    wanted = Q()
    for kind in kinds:
        if kind in KINDS:
            wanted |= KINDS[kind][1]
    events = events.filter(wanted)
    if known := [origin for origin in origins if origin in ORIGINS]:
        events = events.filter(actor_kind__in=known)
    page = leaf(events, ORDER, purpose=f"activities:{incident.pk}", cursor=cursor, size=SIZE)
    return ActivityPage(_told(page.rows, incident, user), page.newer, page.older)


def _told(events: Sequence[AuditEvent], incident: Incident, user: User) -> list[Activity]:
    wanted = [event.data.get("comment") for event in events if event.verb == "incident.commented"]
    comments = Comment.objects.filter(incident=incident, pk__in=[pk for pk in wanted if pk])
    texts = dict(comments.values_list("pk", "text"))
    titles = _alert_titles(events, user)
    told = [as_told(event, incident, user) for event in events]
    return [_act([_entry(event, texts, titles) for event in acts], acts) for acts in _by_act(told)]


def _by_act(events: Iterable[AuditEvent]) -> list[list[AuditEvent]]:
    """Neighbours that one act did to several alerts, together."""
    acts: list[list[AuditEvent]] = []
    for event in events:
        if acts and _is_same_act(acts[-1][-1], event):
            acts[-1].append(event)
        else:
            acts.append([event])
    return acts


def _is_same_act(one: AuditEvent, other: AuditEvent) -> bool:
    return (
        one.verb in OF_SEVERAL
        and one.at - other.at < ONE_ACT
        and (one.verb, one.actor_kind, one.actor_id, one.actor_name, _became(one), one.data.get("copied_from"))
        == (
            other.verb,
            other.actor_kind,
            other.actor_id,
            other.actor_name,
            _became(other),
            other.data.get("copied_from"),
        )
    )


def _became(event: AuditEvent) -> dict[str, Any]:
    return {name: _change(name, pair).new for name, pair in event.changes.items()}


def _act(entries: Sequence[Activity], events: Sequence[AuditEvent]) -> Activity:
    """One entry for several: what all of them say is said once."""
    first = entries[0]
    if len(entries) == 1:
        return first
    became = set(_became(events[0]).values())
    resolved = events[0].verb == "alert.status" and became == {str(AlertStatus.RESOLVED.label)}
    sentence = "{alerts} resolved" if resolved else OF_SEVERAL[events[0].verb]
    return replace(
        first,
        title=sentence.replace("{alerts}", counted(len(entries), "alert")),
        changes=first.changes if all(one.changes == first.changes for one in entries) else (),
        text=first.text if all(one.text == first.text for one in entries) else "",
        parts=tuple(entries),
    )


def _alert_titles(events: Iterable[AuditEvent], user: User) -> dict[str, str]:
    """Titles of the alerts that the person may see; the others stay nameless."""
    keys = {event.subject for event in events if event.subject.startswith("alert:")}
    numbers = [int(key.removeprefix("alert:")) for key in keys if key.removeprefix("alert:").isdecimal()]
    if not numbers:
        return {}
    visible = Alert.objects.visible_to(user).filter(pk__in=numbers)
    return {f"alert:{pk}": title for pk, title in visible.values_list("pk", "title")}


def _entry(event: AuditEvent, texts: Mapping[int, str], titles: Mapping[str, str]) -> Activity:
    fallback = (event.verb.replace(".", ": ").replace("_", " ").capitalize(), "", "audit")
    sentence, kind, symbol = SENTENCES.get(event.verb, fallback)
    if event.verb.startswith(("run.", "action")):
        symbol = "bolt"
    if event.actor_kind == ActorKind.SYSTEM and not kind:
        symbol = symbol if event.verb in SENTENCES else "gear"
    quoted = event.verb == "incident.commented"
    subject = f"“{titles.get(event.subject, 'outside your device groups')}”"
    if event.subject.startswith("incident:"):
        subject = _number(event.subject)
    return Activity(
        at=event.at,
        actor=Actor(ActorKind(event.actor_kind), event.actor_id, event.actor_name, _person(event)),
        title=sentence.replace("{subject}", subject),
        symbol=symbol,
        kind=kind,
        changes=tuple(_change(name, pair) for name, pair in event.changes.items()),
        text=texts.get(event.data.get("comment") or 0, "") if quoted else event.reason,
        quoted=quoted,
        origin=_number(str(event.data.get("copied_from", ""))),
    )


def _number(thread: str) -> str:
    """`INC-12` of the thread that an entry was copied from in a merge; empty for one of its own."""
    return thread.replace("incident:", "INC-")


def _person(event: AuditEvent) -> int | None:
    return int(event.actor_id) if event.actor_kind == ActorKind.PERSON and event.actor_id.isdecimal() else None


def _change(name: str, pair: Any) -> Change:
    old, new = pair if isinstance(pair, list | tuple) and len(pair) == 2 else (None, pair)
    label = FIELDS.get(name, name.replace("_", " ").capitalize())
    return Change(label, shown(old), shown(new))


def shown(value: Any) -> str:
    """A value as people read it; nothing is a dash."""
    if value in (None, "", [], {}, "unknown"):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(shown(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {shown(item)}" for key, item in value.items())
    text = str(value)
    return LABELS.get(text, text)
