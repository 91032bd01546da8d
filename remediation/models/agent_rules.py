from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core import clock

if TYPE_CHECKING:
    from accounts.models import DeviceGroup


class Direction(models.TextChoices):
    OUT = "out", "From the device"
    IN = "in", "To the device"
    BOTH = "both", "Both ways"


class Protocol(models.TextChoices):
    ANY = "", "Any"
    TCP = "tcp", "TCP"
    UDP = "udp", "UDP"


class IsolationRule(models.Model):
    """What stays open to devices that are isolated selectively. `device_group_ids` empty: every group. A rule that is
    changed concerns isolations from then on: each run keeps the rules as they were when it was asked for."""

    name = models.CharField(max_length=80, unique=True)
    description = models.CharField(max_length=500, blank=True)
    networks = ArrayField(models.CharField(max_length=43))
    protocol = models.CharField(max_length=3, choices=Protocol.choices, blank=True, default=Protocol.ANY)
    port = models.PositiveIntegerField(null=True)
    direction = models.CharField(max_length=4, choices=Direction.choices, default=Direction.OUT)
    device_group_ids = ArrayField(models.BigIntegerField(), default=list)
    enabled = models.BooleanField(default=True)
    created = models.DateTimeField(default=clock.now)
    updated = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def concerns(self, group_id: int) -> bool:
        return not self.device_group_ids or group_id in self.device_group_ids

    @property
    def in_words(self) -> str:
        """`10.0.0.0/8, TCP 443, from the device`."""
        what = " ".join(filter(None, [self.get_protocol_display() if self.protocol else "", str(self.port or "")]))
        return ", ".join([*self.networks, what or "everything", self.get_direction_display().lower()])

    def as_snapshot(self) -> dict[str, Any]:
        """As a run keeps it: the rule in words, and what it comes to on a device."""
        ways = ("in", "out") if self.direction == Direction.BOTH else (self.direction,)
        allows = [
            {"network": network, "protocol": self.protocol, "port": self.port or 0, "direction": str(way)}
            for network in self.networks for way in ways
        ]  # fmt: skip
        return {"rule": self.pk, "name": self.name, "in_words": self.in_words, "allows": allows}


class TrustedPrograms(models.Model):
    """What else than the system's packages may start on restricted devices of a group: folders, and files that one of
    the keys has signed."""

    device_group: "models.OneToOneField[DeviceGroup, DeviceGroup]" = models.OneToOneField(
        "accounts.DeviceGroup", models.CASCADE, related_name="trusted_programs"
    )
    folders = ArrayField(models.CharField(max_length=500), default=list)
    signers = ArrayField(models.TextField(), default=list)
    updated = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"trusted programs of group {self.device_group_id}"
