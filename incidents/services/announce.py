"""Telling open pages, and the later rooms, that an incident changed."""

from core import live, outbox
from incidents.models import Incident

CHANGED, CREATED = "incident.changed", "incident.created"


def announce_incident(incident: Incident, *, topic: str = CHANGED) -> None:
    """Wake the open pages of those who may see it. Runs in the transaction of the change."""
    if incident.restricted:
        people = incident.restricted_to.values_list("pk", flat=True)
        live.publish(topic, incident.pk, people=list(people))
    else:
        live.publish(topic, incident.pk, groups=incident.audience)


def publish_change(incident: Incident, fields: list[str]) -> None:
    """Announce to pages and to the listeners of `incident.changed`."""
    announce_incident(incident)
    outbox.publish(CHANGED, incident_id=incident.pk, fields=fields)
