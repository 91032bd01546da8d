"""What became of the evidence that names an entity."""

from django.db import transaction
from django.db.models import Q

from core import audit
from core.actors import Actor
from incidents.enums import EntityKind, RemediationStatus
from incidents.ingest.evidence import bounded_key
from incidents.models import Alert, Evidence, Incident
from incidents.queries.evidence import EvidenceQuerySet
from incidents.queries.incidents import OPEN
from incidents.services.announce import announce_incident

_TYPES = {
    EntityKind.DEVICE: ("device",),
    EntityKind.IDENTITY: ("user",),
    EntityKind.FILE: ("file", "process"),
    EntityKind.MAILBOX: ("mailbox",),
}


def set_remediation_status(
    *,
    kind: str,
    entity_id: int,
    message_id: str = "",
    incident: Incident | None,
    status: RemediationStatus,
    details: str,
    actor: Actor,
) -> int:
    """Set it on the evidence of the entity (or of one message of a mailbox) in `incident` and every open incident.

    Returns how many rows changed.
    """
    with transaction.atomic():
        rows = _rows(kind, entity_id, message_id).filter(
            Q(alert__incident__status__in=OPEN) | Q(alert__incident=incident, alert__incident__isnull=False)
        )
        touched = list(rows.exclude(remediation_status=status).values_list("pk", "alert__incident_id"))
        if not touched:
            return 0
        Evidence.objects.filter(pk__in=[pk for pk, _ in touched]).update(
            remediation_status=status, remediation_status_details=details[:300]
        )
        counts: dict[int, int] = {}
        for _, incident_id in touched:
            counts[incident_id] = counts.get(incident_id, 0) + 1
        audit.record_many(
            [
                audit.Entry(
                    "evidence.remediation_status",
                    subject=f"{kind}:{entity_id}",
                    thread=f"incident:{pk}",
                    reason=details,
                    data={"status": status.value, "rows": count},
                )
                for pk, count in counts.items()
            ],
            actor=actor,
        )
        for one in Incident.objects.filter(pk__in=counts):
            announce_incident(one)
    return len(touched)


def _rows(kind: str, entity_id: int, message_id: str) -> EvidenceQuerySet:
    if kind == EntityKind.MAILBOX and message_id:
        identifier = message_id.strip().strip("<>").lower()
        to_mailbox = Q(mailbox=entity_id) | Q(
            mailbox=None, alert__in=Alert.objects.filter(evidence__mailbox=entity_id).values("pk")
        )
        return Evidence.objects.filter(to_mailbox, type="analyzedMessage", key=bounded_key("message", identifier))
    return Evidence.objects.filter(**{kind: entity_id}, type__in=_TYPES[EntityKind(kind)])
