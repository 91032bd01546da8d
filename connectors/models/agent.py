from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models

from connectors.enums import AgentState
from connectors.queries.agents import AgentQuerySet, EnrolmentTokenQuerySet
from core import clock

if TYPE_CHECKING:
    from accounts.models import DeviceGroup


class Agent(models.Model):
    """One endpoint agent. `device_id` is the SHA-256 of the first key it made and never changes; `public_key` is the
    one it signs with now. `status` is its last heartbeat, `sequence` the number of its last request: a smaller one
    afterwards means that two run with the same key. `ahead` says that the device obeys a newer wanted state than this
    portal knows of, or that a wanted state was restored that the device never reached; nothing is asked of it until
    somebody decides."""

    connection = models.ForeignKey("connectors.Connection", models.PROTECT, related_name="agents")
    device_id = models.CharField(max_length=64, unique=True)
    public_key = models.CharField(max_length=64)
    state = models.CharField(max_length=12, choices=AgentState.choices, default=AgentState.PENDING)
    state_reason = models.CharField(max_length=300, blank=True)
    name = models.CharField(max_length=255)
    device_group: "models.ForeignKey[DeviceGroup, DeviceGroup]" = models.ForeignKey(
        "accounts.DeviceGroup", models.PROTECT, related_name="agents"
    )
    tags = ArrayField(models.CharField(max_length=80), default=list)
    version = models.CharField(max_length=40, blank=True)
    inventory = models.JSONField(default=dict)
    inventory_at = models.DateTimeField(null=True)
    status = models.JSONField(default=dict)
    status_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    silent_since = models.DateTimeField(null=True, help_text="Set when its silence was told, until it speaks again.")
    sequence = models.BigIntegerField(default=0)
    generation = models.BigIntegerField(default=0, help_text="Of the wanted state that the device says it obeys.")
    ahead = models.BooleanField(default=False)
    cloned_at = models.DateTimeField(null=True)
    rotated_at = models.DateTimeField(null=True)
    new_key_asked_at = models.DateTimeField(null=True, help_text="Set until the device has changed its key.")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.JSONField(null=True, help_text="The actor who approved, rejected or revoked it, frozen.")
    enrolled_at = models.DateTimeField(default=clock.now)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    objects = AgentQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state", "seen_at"], name="agent_seen")]

    def __str__(self) -> str:
        return self.name

    @property
    def thread(self) -> str:
        return f"agent:{self.pk}"


class EnrolmentToken(models.Model):
    """Lets one machine join. The portal keeps its SHA-256 only; the text is shown once."""

    name = models.CharField(max_length=80)
    secret_sha256 = models.CharField(max_length=64, unique=True)
    device_group: "models.ForeignKey[DeviceGroup, DeviceGroup]" = models.ForeignKey(
        "accounts.DeviceGroup", models.PROTECT, related_name="enrolment_tokens"
    )
    tags = ArrayField(models.CharField(max_length=80), default=list)
    approve_at_once = models.BooleanField(default=False)
    expires = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey("connectors.Agent", models.SET_NULL, null=True, related_name="tokens")
    withdrawn_at = models.DateTimeField(null=True)
    made_by = models.JSONField()
    made_at = models.DateTimeField(default=clock.now)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    objects = EnrolmentTokenQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class AgentPolicy(models.Model):
    """What the agents of a device group do while the portal is away: an isolation opens by itself after
    `opens_after_s`, unless the group stays cut."""

    device_group: "models.OneToOneField[DeviceGroup, DeviceGroup]" = models.OneToOneField(
        "accounts.DeviceGroup", models.CASCADE, related_name="agent_policy"
    )
    stays_cut = models.BooleanField(default=False)
    opens_after_s = models.PositiveIntegerField(default=86_400)

    def __str__(self) -> str:
        return f"policy of {self.device_group_id}"
