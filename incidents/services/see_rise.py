"""Somebody who looks after an incident has seen that it became High."""

from django.db import transaction

from accounts import keys
from accounts.models import User
from core import audit
from core.actors import Actor
from incidents.models import Incident
from incidents.services.announce import announce_incident


def see_rise(incident: Incident, *, actor: Actor, user: User) -> None:
    """Opened by its owner, or by anybody who may take it up while nobody looks after it; by others it stays told."""
    owner = incident.assigned_to
    looked_after = owner is not None and owner.is_active
    if incident.rose_to_high is None or (owner != user if looked_after else not user.holds(keys.MANAGE_ALERTS)):
        return
    with transaction.atomic():
        if Incident.objects.filter(pk=incident.pk).exclude(rose_to_high=None).update(rose_to_high=None):
            audit.record("incident.rise_seen", subject=incident.thread, thread=incident.thread, actor=actor)
            announce_incident(incident)
