"""The history of an incident as one person may read it: the one door for the page and the API.

Who sees every alert reads everything. Who sees a part reads what happened to the incident itself and to what they may
see: events of hidden alerts and runs are left out, and the portal's own words about the whole are taken off.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from accounts.models import User
from core.actors import ActorKind
from core.models import AuditEvent
from incidents.assets import MODELS, sees_all_of
from incidents.models import Alert, Evidence, Incident

# What one person may see of the things of one kind that belong to an incident.
Seen = Callable[[Incident, User], QuerySet[Any]]
_kinds: dict[str, Seen] = {}
JOINED = "incident.alert_joined"
# Their subject is the other incident.
CONTINUING = ("incident.continues", "incident.continued")
# Fields of an event that repeat what the portal said of all alerts together.
TELLING = frozenset({"display_name"})


def tells_of(kind: str, seen: Seen) -> None:
    """Let the history tell of subjects `kind:ID`; a later room names its own at the start."""
    if kind in _kinds:
        raise LookupError(f"Who may read of a {kind} is already said.")
    _kinds[kind] = seen


def events_of(incident: Incident, user: User) -> QuerySet[AuditEvent]:
    events: QuerySet[AuditEvent] = AuditEvent.objects.filter(thread=incident.thread)
    others = _others_seen(events, user)
    if sees_all_of(incident, user):
        return events.exclude(Q(verb__in=CONTINUING) & ~Q(subject__in=others))
    known = Q(subject=incident.thread) | Q(verb__in=CONTINUING, subject__in=others)
    for kind, seen in _kinds.items():
        known |= Q(subject__in=seen(incident, user).order_by().values_list(word_of(kind)))
    return events.filter(known)


def _others_seen(events: QuerySet[AuditEvent], user: User) -> list[str]:
    """Of the incidents that this one continues, or that continue it, those that the person may see."""
    named = events.filter(verb__in=CONTINUING).values_list("subject", flat=True)
    numbers = [int(subject.rpartition(":")[2]) for subject in named]
    if not numbers:
        return []
    return [row.thread for row in Incident.objects.visible_to(user).filter(pk__in=numbers)]


def as_told(event: AuditEvent, incident: Incident, user: User) -> AuditEvent:
    """The event with what this person may read of it; it is for reading only."""
    if event.subject == incident.thread and not sees_all_of(incident, user):
        event.changes = {name: pair for name, pair in event.changes.items() if name not in TELLING}
        event.data = {name: value for name, value in event.data.items() if name not in TELLING}
        if event.actor_kind == ActorKind.SYSTEM:
            event.reason = ""
    elif event.verb == JOINED and not sees_all_of(incident, user):
        event.reason = ""  # what two alerts share, in the words of both; the Alerts tab knows who may read it
    return event


def withheld_words(user: User) -> QuerySet[Any, Any]:
    """`incident:42` of each restricted incident that does not name the person, and `alert:7` of each of its alerts."""
    hidden = Incident.objects.hidden_from(user)
    incidents = Incident.objects.filter(pk__in=hidden).values_list(word_of("incident"))
    return incidents.union(Alert.objects.filter(incident__in=hidden).values_list(word_of("alert")))


def word_of(kind: str) -> Concat:
    """`run:12` of a row, as the history names it."""
    return Concat(Value(f"{kind}:"), Cast("pk", TextField()), output_field=TextField())


def _alerts(incident: Incident, user: User) -> QuerySet[Any]:
    return Alert.objects.visible_to(user).filter(incident=incident)


def _entities(kind: str) -> Seen:
    def seen(incident: Incident, user: User) -> QuerySet[Any]:
        named = Evidence.objects.visible_to(user).filter(alert__incident=incident).values(kind)
        rows: QuerySet[Any] = MODELS[kind].objects.visible_to(user)
        return rows.filter(pk__in=named)

    return seen


tells_of("alert", _alerts)
for _kind in MODELS:
    tells_of(_kind, _entities(_kind))
