"""An incident by hand: somebody saw what no detection saw."""

import hashlib
from collections.abc import Sequence
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from core import audit, clock
from core.actors import Actor
from incidents.enums import SEVERITY_RANK, Category, CorrelationReason, EntityKind, Severity, ValueSource
from incidents.models import Alert, CorrelationLink, Device, Evidence, File, Identity, Incident, Mailbox
from incidents.services.announce import CREATED, announce_incident
from incidents.services.changes import MAX_NAME, MAX_TEXT, clean_tags, one_of, plain_text
from incidents.services.manage import update_incident
from incidents.services.roll_up import roll_up
from incidents.services.tell_of import tell_created

Entity = Device | File | Identity | Mailbox
EVIDENCE_TYPE = {EntityKind.DEVICE: "device", EntityKind.FILE: "file", EntityKind.IDENTITY: "user",
                 EntityKind.MAILBOX: "mailbox"}  # fmt: skip


def create_incident(
    title: str,
    *,
    severity: str,
    actor: Actor,
    description: str = "",
    category: str = "",
    alert_title: str = "",
    entities: Sequence[Entity] = (),
    tags: Sequence[str] = (),
    assigned_to: User | None = None,
    exercise: str = "",
) -> Incident:
    """Open an incident with one alert of detection source `manual` that names `entities`.

    The name and the severity count as set by a person. Raises `ValidationError`.
    """
    name = plain_text(title, limit=MAX_NAME, label="Name", required=True)
    text = plain_text(description, limit=MAX_TEXT, label="Description")
    if category:
        one_of(category, tuple(Category), "Category")
    rank = one_of(severity, tuple(Severity), "Severity")
    now = clock.now()
    with transaction.atomic():
        incident = Incident.objects.create(
            display_name=name, name_source=ValueSource.MANUAL, description=text, severity=rank,
            severity_rank=SEVERITY_RANK[rank], severity_source=ValueSource.MANUAL, custom_tags=clean_tags(list(tags)),
            last_modified_by=actor.name[:255], exercise=exercise,
            first_activity=now, last_activity=now, created=now, updated=now,
        )  # fmt: skip
        audit.record("incident.created", subject=incident.thread, thread=incident.thread, actor=actor,
                     changes={"display_name": (None, name), "severity": (None, rank)})  # fmt: skip
        alert = _manual_alert(incident, alert_title or name, category, entities)
        CorrelationLink.objects.create(
            alert=alert, incident=incident, reason=CorrelationReason.SAME_TARGETED_ASSET, rule="manual",
            evidence=f"written by {actor.name}"[:500],
        )  # fmt: skip
        roll_up([incident.pk], actor=actor)
        incident.refresh_from_db()
        if assigned_to is not None:
            incident = update_incident(incident, changes={"assigned_to": assigned_to}, actor=actor)
        announce_incident(incident, topic=CREATED)
        tell_created([incident.pk], actor=actor)
    return incident


def _manual_alert(incident: Incident, title: str, category: str, entities: Sequence[Entity]) -> Alert:
    """The alert that carries the named entities; an incident without an alert would have no scope."""
    if len(entities) > 100:
        raise ValidationError("Name at most 100 assets.")
    provider_id, now = uuid4().hex, clock.now()
    groups = sorted({entity.device_group_id for entity in entities if isinstance(entity, Device)})
    alert = Alert.objects.create(
        source="manual", provider_alert_id=provider_id, format="manual",
        content_digest=hashlib.blake2b(provider_id.encode(), digest_size=16).digest(),
        title=plain_text(title, limit=500, label="Alert title", required=True), description=incident.description,
        severity=incident.severity, categories=[category] if category else [], detection_source="manual",
        product_name="SOC portal", first_activity=now, last_activity=now, created=now, updated=now,
        incident=incident, correlated=now, device_group_ids=groups, exercise=incident.exercise,
    )  # fmt: skip
    Evidence.objects.bulk_create(
        Evidence(
            alert=alert, type=EVIDENCE_TYPE[entity.kind], display=entity.display_name, roles=["attacked"],
            key=_key(entity), **{entity.kind.value: entity},
        )
        for entity in entities
    )  # fmt: skip
    return alert


def _key(entity: Entity) -> str:
    return entity.key if isinstance(entity, File) else f"{entity.kind.value}:{entity.key}"[:300]
