"""What of incidents is deleted by age: closed incidents with everything in them, entities that nothing names any more,
dead letters that were handled."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from core import retention
from incidents.enums import DeadLetterState, IncidentStatus
from incidents.models import (
    Alert,
    Comment,
    CorrelationLink,
    DeadLetter,
    Device,
    Evidence,
    File,
    Identity,
    Incident,
    LegalHold,
    Mailbox,
)

INCIDENTS = "incidents"
BINDINGS = {Device: "bindings", Identity: "bindings", Mailbox: "bindings"}


def declare_kinds() -> None:
    retention.declare(
        retention.Kind(
            INCIDENTS, "Closed incidents", "With their alerts, evidence, comments and review. The audit log keeps what "
            "was done.", _closed_before, "resolved", forget_incidents, least=90,
        )
    )  # fmt: skip
    retention.keep_back(INCIDENTS, "under a legal hold", lambda rows: rows.filter(on_hold=True))
    retention.declare(
        retention.Kind(
            "dead_letters", "Dead letters that were handled", "Replayed or discarded.", _handled_before, "handled",
            lambda keys: DeadLetter.objects.filter(pk__in=keys).delete()[0], days=180,
        )
    )  # fmt: skip
    for model, label in ((Device, "Devices"), (Identity, "Accounts"), (Mailbox, "Mailboxes"), (File, "Files")):
        _declare_entities(model, label)


def _closed_before(edge: datetime) -> QuerySet[Incident]:
    return Incident.objects.filter(status=IncidentStatus.RESOLVED, resolved__lt=edge)


def _handled_before(edge: datetime) -> QuerySet[DeadLetter]:
    return DeadLetter.objects.exclude(state=DeadLetterState.OPEN).filter(handled__lt=edge)


def forget_incidents(keys: Sequence[int]) -> int:
    """With those that were merged into them: signposts to nowhere help nobody."""
    everything = Incident.objects.filter(pk__in=keys) | Incident.objects.filter(redirect_incident__in=keys)
    every_key = list(everything.values_list("pk", flat=True))
    alerts = list(Alert.objects.filter(incident__in=every_key).values_list("pk", flat=True))
    DeadLetter.objects.filter(alert__in=alerts).update(alert=None)
    CorrelationLink.objects.filter(other_alert__in=alerts).update(other_alert=None)
    CorrelationLink.objects.filter(incident__in=every_key).delete()
    CorrelationLink.objects.filter(alert__in=alerts).delete()
    Evidence.objects.filter(alert__in=alerts).delete()
    Alert.objects.filter(pk__in=alerts).delete()
    Comment.objects.filter(incident__in=every_key).delete()
    LegalHold.objects.filter(incident__in=every_key).delete()  # lifted ones, or the incident would not be here
    Incident.objects.filter(pk__in=every_key).delete()
    return len(keys)


def _declare_entities(model: Any, label: str) -> None:
    """Named by no alert any more, not seen for so long, bound to no connection and with nothing withheld."""
    kind, named = model.kind.value, Evidence.objects.filter(**{model.kind.value: OuterRef("pk")})

    def unseen_since(edge: datetime) -> QuerySet[Any]:
        rows: QuerySet[Any] = model.objects.filter(~Exists(named), last_seen__lt=edge)
        return rows.filter(bindings=None, mitigation={}) if model in BINDINGS else rows

    def forget(keys: Sequence[int]) -> int:
        model.objects.filter(pk__in=keys).delete()
        return len(keys)

    retention.declare(
        retention.Kind(
            f"{kind}_entities", f"{label} that no alert names", "Not seen since, not bound to a connection, and with "
            "nothing withheld.", unseen_since, "last_seen", forget,
        )
    )  # fmt: skip
