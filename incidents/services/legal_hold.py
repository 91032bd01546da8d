"""Placing and lifting legal holds: what is held is not deleted, whatever retention and erasure say."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import step_up
from core import audit, clock
from core.actors import Actor
from incidents.models import Incident, LegalHold
from incidents.services.announce import publish_change
from incidents.services.changes import plain_text

LIFT = step_up.register("legal_hold_lift", "Lifting a legal hold")
MAX_REASON, MAX_REFERENCE = 1_000, 120


def place_hold(incident: Incident, *, reason: str, reference: str = "", actor: Actor) -> LegalHold:
    """Keep everything of the incident until the hold is lifted; several may be in force at once."""
    reason = _said(reason)
    reference = plain_text(reference, limit=MAX_REFERENCE, label="Reference").strip()
    with transaction.atomic():
        row = Incident.objects.select_for_update().get(pk=incident.pk)
        if row.redirect_incident_id is not None:
            raise ValidationError(f"It was merged: hold INC-{row.redirect_incident_id}.")
        hold: LegalHold = LegalHold.objects.create(
            incident=row, reason=reason, reference=reference, placed_by=actor.as_json(), placed=clock.now()
        )
        _mark(row, held=True)
        audit.record("legal_hold.placed", subject=f"legal_hold:{hold.pk}", thread=row.thread, actor=actor,
                     reason=reason, data={"reference": reference})  # fmt: skip
    return hold


def lift_hold(hold: LegalHold, *, reason: str, actor: Actor) -> LegalHold:
    """The incident may be deleted again once no other hold keeps it."""
    reason = _said(reason)
    with transaction.atomic():
        row = Incident.objects.select_for_update().get(pk=hold.incident_id)
        stored: LegalHold = LegalHold.objects.select_for_update().get(pk=hold.pk)
        if not stored.in_force:
            raise ValidationError("It was lifted already.")
        stored.lifted, stored.lifted_by, stored.lift_reason = clock.now(), actor.as_json(), reason
        stored.save(update_fields=["lifted", "lifted_by", "lift_reason"])
        _mark(row, held=LegalHold.objects.in_force().filter(incident=row).exists())
        audit.record("legal_hold.lifted", subject=f"legal_hold:{hold.pk}", thread=row.thread, actor=actor,
                     reason=reason)  # fmt: skip
    return stored


def follow_merge(pairs: Sequence[tuple[Incident, Incident]]) -> None:
    """A hold of a source keeps its target: that is where everything of it is now."""
    for source, target in pairs:
        if source.on_hold:
            LegalHold.objects.filter(incident=source).update(incident=target)
            Incident.objects.filter(pk=target.pk).update(on_hold=True)
            target.on_hold = True


def _said(reason: str) -> str:
    reason = plain_text(reason, limit=MAX_REASON, label="Reason").strip()
    if not reason:
        raise ValidationError("Say why: the reason goes into the audit log.")
    return reason


def _mark(row: Incident, *, held: bool) -> None:
    if row.on_hold != held:
        row.on_hold = held
        row.save(update_fields=["on_hold"])
        publish_change(row, ["on_hold"])
