from typing import TYPE_CHECKING

from django.db import models

from core import clock

if TYPE_CHECKING:
    from connectors.models import Connection
    from incidents.models import Device, Identity, Mailbox


class Binding(models.Model):
    """Ties an entity to exactly one remote object of one connection. No binding, or two, is a refusal to act."""

    connection: "models.ForeignKey[Connection, Connection]" = models.ForeignKey(
        "connectors.Connection", models.PROTECT, related_name="%(class)ss"
    )
    remote_id = models.CharField(max_length=200)
    simulated = models.BooleanField(default=False)
    created = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True
        constraints = [models.UniqueConstraint(fields=["connection", "remote_id"], name="%(class)s_once")]

    def __str__(self) -> str:
        return f"{self.remote_id} at connection {self.connection_id}"


class DeviceBinding(Binding):
    device: "models.ForeignKey[Device, Device]" = models.ForeignKey(
        "incidents.Device", models.CASCADE, related_name="bindings"
    )


class IdentityBinding(Binding):
    identity: "models.ForeignKey[Identity, Identity]" = models.ForeignKey(
        "incidents.Identity", models.CASCADE, related_name="bindings"
    )


class MailboxBinding(Binding):
    mailbox: "models.ForeignKey[Mailbox, Mailbox]" = models.ForeignKey(
        "incidents.Mailbox", models.CASCADE, related_name="bindings"
    )
