"""Takes everything that an exercise brought out of this room again; the history stays.

What real alerts have come to name is no longer part of the exercise and stays too, without its mark.
"""

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from core import audit
from core.actors import Actor
from incidents.models import (
    Alert,
    Comment,
    CorrelationChange,
    CorrelationLink,
    DeadLetter,
    Device,
    DeviceBinding,
    Evidence,
    File,
    Identity,
    IdentityBinding,
    Incident,
    Mailbox,
    MailboxBinding,
)
from incidents.services.roll_up import roll_up

_ENTITIES: tuple[tuple[Any, str], ...] = (
    (Device, "device"),
    (File, "file"),
    (Identity, "identity"),
    (Mailbox, "mailbox"),
)
_BINDINGS: tuple[tuple[Any, str], ...] = (
    (DeviceBinding, "device"),
    (IdentityBinding, "identity"),
    (MailboxBinding, "mailbox"),
)


def forget_exercise(exercise: str, *, actor: Actor) -> dict[str, int]:
    """Delete alerts, incidents, entities, bindings and dead letters of the exercise; returns how many of each."""
    if not exercise:
        raise ValueError("Without a name this would delete the real rows.")
    with transaction.atomic():
        counts = {"alerts": _forget_alerts(exercise, actor), "incidents": _forget_incidents(exercise)}
        counts["dead_letters"] = DeadLetter.objects.filter(exercise=exercise).delete()[0]
        for model, column in _BINDINGS:
            _forget_bindings(model, column, exercise)
        for model, column in _ENTITIES:
            counts[f"{model._meta.verbose_name_plural}"] = _forget_entities(model, column, exercise)
        audit.record("exercise.incidents_removed", subject=f"exercise:{exercise}", actor=actor, data=counts)
    return counts


def _forget_alerts(exercise: str, actor: Actor) -> int:
    alerts = Alert.objects.filter(exercise=exercise)
    mixed = list(
        Incident.objects.filter(exercise="", alerts__exercise=exercise).distinct().values_list("pk", flat=True)
    )
    DeadLetter.objects.filter(alert__exercise=exercise).update(alert=None)
    CorrelationLink.objects.filter(other_alert__exercise=exercise).update(other_alert=None)
    CorrelationLink.objects.filter(alert__exercise=exercise).delete()
    CorrelationChange.objects.filter(exercise=exercise).exclude(exercise="").delete()
    Evidence.objects.filter(alert__exercise=exercise).delete()
    count = alerts.count()
    alerts.delete()
    roll_up(mixed, actor=actor)
    return count


def _forget_incidents(exercise: str) -> int:
    """An incident into which somebody moved a real alert is a real one from now on."""
    ours = Incident.objects.filter(exercise=exercise)
    ours.filter(Exists(Alert.objects.filter(incident=OuterRef("pk")))).update(exercise="")
    Comment.objects.filter(incident__exercise=exercise).delete()
    count = ours.count()
    ours.delete()
    return count


def _forget_bindings(model: Any, column: str, exercise: str) -> None:
    """To the connections of the exercise, whatever is bound to them; what they held back is free again."""
    bindings = model.objects.filter(connection__exercise=exercise)
    entities = model._meta.get_field(column).related_model
    entities.objects.filter(pk__in=bindings.values(column)).update(mitigation={})
    bindings.delete()


def _forget_entities(model: Any, column: str, exercise: str) -> int:
    named = Evidence.objects.filter(**{column: OuterRef("pk")})
    model.objects.filter(Exists(named), exercise=exercise).update(exercise="")
    rows = model.objects.filter(exercise=exercise)
    count = int(rows.count())
    rows.delete()
    return count
