"""Incidents, alerts, evidence and the entities that they name."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import factory

from accounts.models import DeviceGroup
from core import clock
from core.actors import Actor
from incidents.enums import SEVERITY_RANK, Severity
from incidents.models import Alert, Device, Evidence, File, Identity, Incident, Mailbox
from incidents.services.roll_up import roll_up

SETTER = Actor.system("test set-up")


class DeviceFactory(factory.django.DjangoModelFactory[Device]):
    class Meta:
        model = Device

    key = factory.Sequence(lambda n: f"hr-ws-{n:03d}.corp.example")
    display_name = factory.LazyAttribute(lambda device: device.key.partition(".")[0].upper())
    host_name = factory.LazyAttribute(lambda device: device.key.partition(".")[0])
    os_platform = "Windows11"
    device_group = factory.LazyFunction(lambda: DeviceGroup.objects.get(is_default=True))


class FileFactory(factory.django.DjangoModelFactory[File]):
    class Meta:
        model = File

    sha256 = factory.Sequence(lambda n: f"{n + 4096:064x}")
    key = factory.LazyAttribute(lambda file: f"sha256:{file.sha256}")
    display_name = factory.Sequence(lambda n: f"dropper{n}.exe")


class IdentityFactory(factory.django.DjangoModelFactory[Identity]):
    class Meta:
        model = Identity

    key = factory.Sequence(lambda n: f"worker{n}@corp.example")
    upn = factory.LazyAttribute(lambda identity: identity.key)
    display_name = factory.Sequence(lambda n: f"Worker {n}")


class MailboxFactory(factory.django.DjangoModelFactory[Mailbox]):
    class Meta:
        model = Mailbox

    key = factory.Sequence(lambda n: f"worker{n}@corp.example")
    primary_address = factory.LazyAttribute(lambda mailbox: mailbox.key)
    display_name = factory.Sequence(lambda n: f"Worker {n}")


class IncidentFactory(factory.django.DjangoModelFactory[Incident]):
    class Meta:
        model = Incident

    display_name = factory.Sequence(lambda n: f"Suspicious activity {n}")
    severity = Severity.MEDIUM
    severity_rank = factory.LazyAttribute(lambda incident: SEVERITY_RANK[incident.severity])
    priority_score = 40


class AlertFactory(factory.django.DjangoModelFactory[Alert]):
    class Meta:
        model = Alert

    source = "sensor"
    provider_alert_id = factory.LazyFunction(lambda: uuid4().hex)
    format = "graph"
    content_digest = factory.LazyFunction(lambda: uuid4().bytes)
    title = factory.Sequence(lambda n: f"Suspicious program {n}")
    severity = Severity.MEDIUM
    service_source = "microsoftDefenderForEndpoint"
    detection_source = "antivirus"
    first_activity = factory.LazyFunction(lambda: clock.now() - timedelta(minutes=5))
    last_activity = factory.SelfAttribute("first_activity")
    correlated = factory.LazyFunction(clock.now)


ENTITY_TYPES = {"device": "device", "identity": "user", "file": "file", "mailbox": "mailbox"}


def evidence(alert: Alert, entity: Any = None, **fields: Any) -> Evidence:
    """Evidence of an alert: an entity, or with `type`, `display` and `key` anything else."""
    if entity is not None:
        kind = str(entity.kind.value)
        fields = {"type": ENTITY_TYPES[kind], "display": entity.display_name, kind: entity, **fields}
    return Evidence.objects.create(alert=alert, **fields)


def incident_about(*entities: Any, alerts: int = 1, **fields: Any) -> Incident:
    """An incident whose alerts all name `entities`, rolled up as the correlation does it."""
    incident = IncidentFactory.create(**fields)
    groups = sorted({entity.device_group_id for entity in entities if isinstance(entity, Device)})
    for _ in range(alerts):
        alert = AlertFactory.create(incident=incident, device_group_ids=groups, severity=incident.severity)
        for entity in entities:
            evidence(alert, entity)
    roll_up([incident.pk], actor=SETTER)
    incident.refresh_from_db()
    return incident
