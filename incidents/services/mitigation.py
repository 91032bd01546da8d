"""What is in force on an entity, and when an incident was first contained. Written by the later rooms' outcomes."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from core import audit, clock
from core.actors import Actor
from incidents.models import Device, Identity, Incident, Mailbox
from incidents.services.announce import announce_incident
from incidents.services.service_levels import settle_clocks


@dataclass(frozen=True, slots=True)
class Mitigation:
    """One facet's entry in an entity's `mitigation`. `state` is what was last observed; `active` says that something
    is withheld from the entity now (a badge is shown)."""

    state: str
    active: bool
    desired: str
    observed: str
    since: datetime
    by: str
    simulated: bool


def set_mitigation(
    entity: Device | Identity | Mailbox, *, facet: str, now: Mitigation, actor: Actor, thread: str = ""
) -> None:
    """Set one facet; the others stay as they are."""
    model = type(entity)
    with transaction.atomic():
        # Alerts that name it may come in meanwhile: they only need to know that it stays.
        row = model._default_manager.select_for_update(no_key=True).get(pk=entity.pk)
        before = row.mitigation.get(facet, {}).get("state", "")
        row.mitigation = {
            **row.mitigation,
            facet: {
                "state": now.state,
                "active": now.active,
                "desired": now.desired,
                "observed": now.observed,
                "since": now.since.isoformat(),
                "by": now.by,
                "simulated": now.simulated,
            },
        }
        row.save(update_fields=["mitigation"])
        if before != now.state:
            audit.record(
                f"{entity.kind}.mitigation",
                subject=f"{entity.kind}:{entity.pk}",
                thread=thread,
                actor=actor,
                changes={facet: (before, now.state)},
            )
    entity.mitigation = row.mitigation


def mark_contained(incident: Incident, *, at: datetime, actor: Actor, reason: str) -> bool:
    """Note the first verified containment; later ones change nothing. Answers whether this was the first."""
    with transaction.atomic():
        first = Incident.objects.filter(pk=incident.pk, contained_at=None).update(contained_at=at, updated=at)
        if not first:
            return False
        incident.contained_at = incident.updated = at
        _tell("incident.contained", incident, before=None, actor=actor, reason=reason)
    return True


def unmark_contained(incident: Incident, *, standing: datetime | None, actor: Actor, reason: str) -> bool:
    """A containment was taken back while the incident is open: what counts is the first of those that stand, or none.
    What is taken back after the close was held as long as it had to be. Answers whether anything changed."""
    with transaction.atomic():
        row = Incident.objects.select_for_update().get(pk=incident.pk)
        before = row.contained_at
        if not row.is_open or before is None or (standing is not None and standing <= before):
            return False
        incident.contained_at, incident.updated = standing, clock.now()
        Incident.objects.filter(pk=row.pk).update(contained_at=standing, updated=incident.updated)
        _tell("incident.uncontained", incident, before=before, actor=actor, reason=reason)
    return True


def _tell(verb: str, incident: Incident, *, before: datetime | None, actor: Actor, reason: str) -> None:
    settle_clocks(Incident.objects.select_for_update().get(pk=incident.pk))
    audit.record(verb, subject=incident.thread, thread=incident.thread, actor=actor, reason=reason,
                 changes={"contained_at": (before, incident.contained_at)})  # fmt: skip
    announce_incident(incident)
