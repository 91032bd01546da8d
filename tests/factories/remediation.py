"""A simulated company with bound targets, and runs on them."""

from typing import Any

import factory

from accounts.models import DeviceGroup, User
from connectors.kinds.simulator import world
from connectors.models import Connection
from connectors.services.connections import create_connection
from core import clock
from core.actors import Actor
from incidents.models import Alert, Device, Evidence, File, Identity, Incident, Mailbox
from incidents.services.bindings import bind
from remediation.models import ActionRun
from remediation.services.carry_out import carry_out
from remediation.services.decide import approve_run
from remediation.services.request import request_action

SETTER = Actor.system("test set-up")
QUICK = {"start_after_s": "0", "finish_after_s": "0"}
MESSAGE_ID = "<invoice-77@mail.example>"


class DeviceFactory(factory.django.DjangoModelFactory[Device]):
    class Meta:
        model = Device

    key = factory.Sequence(lambda n: f"fin-ws-{n:03d}.corp.example")
    display_name = factory.LazyAttribute(lambda device: device.key.partition(".")[0].upper())
    device_group = factory.LazyFunction(lambda: DeviceGroup.objects.get(is_default=True))


class FileFactory(factory.django.DjangoModelFactory[File]):
    class Meta:
        model = File

    sha256 = factory.Sequence(lambda n: f"{n:064x}")
    key = factory.LazyAttribute(lambda file: f"sha256:{file.sha256}")
    path = ""
    display_name = factory.LazyAttributeSequence(lambda file, n: file.path.rpartition("/")[2] or f"dropper{n}.exe")


class IdentityFactory(factory.django.DjangoModelFactory[Identity]):
    class Meta:
        model = Identity

    key = factory.Sequence(lambda n: f"person{n}@corp.example")
    display_name = factory.Sequence(lambda n: f"Person {n}")


class MailboxFactory(factory.django.DjangoModelFactory[Mailbox]):
    class Meta:
        model = Mailbox

    key = factory.Sequence(lambda n: f"person{n}@corp.example")
    primary_address = factory.LazyAttribute(lambda mailbox: mailbox.key)
    display_name = factory.Sequence(lambda n: f"Person {n}")


class Company:
    """A simulated connection and what is bound to it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def device(self, *, group: DeviceGroup | None = None, **behaviour: Any) -> Device:
        device = DeviceFactory.create(**({"device_group": group} if group else {}))
        self._put(device, "device", behaviour)
        return device

    def identity(self, **behaviour: Any) -> Identity:
        identity = IdentityFactory.create()
        self._put(identity, "identity", behaviour)
        return identity

    def mailbox(self, **behaviour: Any) -> Mailbox:
        """With one message in its inbox: `MESSAGE_ID`."""
        mailbox = MailboxFactory.create()
        self._put(mailbox, "mailbox", behaviour)
        world.put_message(self.connection, mailbox.key, MESSAGE_ID, subject="Invoice 77")
        return mailbox

    def _put(self, entity: Device | Identity | Mailbox, kind: str, behaviour: dict[str, Any]) -> None:
        world.put_target(self.connection, kind, entity.key, name=str(entity), behaviour=behaviour)
        bind(entity, connection=self.connection, remote_id=entity.key, actor=SETTER)

    def behave(self, entity: Device | Identity | Mailbox, **words: Any) -> None:
        world.set_behaviour(self.connection, entity.kind, entity.key, **words)

    def state(self, entity: Device | Identity | Mailbox) -> dict[str, Any]:
        """The truth."""
        return world.state_of(self.connection, entity.kind, entity.key)


def company(**settings: str) -> Company:
    """A company that carries everything out at once unless told otherwise."""
    count = Connection.objects.count()
    connection = create_connection(
        name=f"Simulated company {count}", kind="simulator", settings={**QUICK, **settings}, actor=SETTER
    )
    return Company(connection)


def incident_naming(*entities: Device | File | Identity | Mailbox, **fields: Any) -> Incident:
    """An open incident with one alert whose evidence names the entities. A file is on the first device."""
    now = clock.now()
    incident = Incident.objects.create(display_name="Hands-on-keyboard attack", **fields)
    alert = Alert.objects.create(
        source="test",
        provider_alert_id=f"a{Alert.objects.count()}",
        format="graph",
        content_digest=b"0" * 16,
        title="Suspicious activity",
        first_activity=now,
        last_activity=now,
        incident=incident,
        correlated=now,
    )
    for entity in entities:
        type_ = {"identity": "user"}.get(entity.kind, str(entity.kind))
        Evidence.objects.create(alert=alert, type=type_, display=str(entity), key=entity.key, **{entity.kind: entity})
    return incident


def saw(file: File, *devices: Device) -> None:
    """Each of the devices saw the file just now."""
    for device in devices:
        incident = incident_naming()
        Evidence.objects.create(
            alert=incident.alerts.get(), type="file", display=str(file), key=file.key, file=file, device=device
        )


def ask(
    user: User,
    action: str,
    target: Device | File | Identity | Mailbox,
    *,
    incident: Incident | None = None,
    **arguments: str,
) -> ActionRun:
    """`user` asks for the action."""
    return request_action(
        action,
        target=target,
        arguments=arguments,
        comment="Spreads ransomware",
        actor=user.actor,
        user=user,
        incident=incident,
    )


def approve(user: User, run: ActionRun) -> ActionRun:
    return approve_run(run, actor=user.actor, user=user, comment="Agreed")


def done(
    asker: User, approver: User, action: str, target: Device | File | Identity | Mailbox, **arguments: Any
) -> ActionRun:
    """Asked for, approved and carried out."""
    run = ask(asker, action, target, **arguments)
    return carry_out(approve(approver, run) if run.decision == "pending" else run)
