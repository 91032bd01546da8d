from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from connectors.enums import OPEN_ORDERS, OrderKind, OrderState
from connectors.queries.agents import AgentOrderQuerySet
from core import clock


class AgentOrder(models.Model):
    """One order to one agent, from its wish to its outcome. `key` is the command's id on the device. What is signed is
    never taken from this row alone: the signer asks whoever gave the order (`reference`) whether it stands.

    `facet` and `value` are of a wanted state, `generation` the document that carried it. `handed_at` is when it went
    over the line last, `handed_in` the number of the poll that was answered with it; it is handed again until the
    device answers."""

    agent = models.ForeignKey("connectors.Agent", models.CASCADE, related_name="orders", null=True)
    key = models.CharField(max_length=80, unique=True)
    reference = models.CharField(max_length=60, db_index=True)
    kind = models.CharField(max_length=12, choices=OrderKind.choices, default=OrderKind.COMMAND)
    action = models.CharField(max_length=60)
    arguments = models.JSONField(default=dict)
    effect = models.CharField(max_length=8, default="once")
    run_s = models.PositiveIntegerField(default=3_600)
    expires = models.DateTimeField()
    facet = models.CharField(max_length=20, blank=True)
    value = models.JSONField(default=dict)
    generation = models.BigIntegerField(null=True)
    envelope = models.JSONField(default=dict)
    state = models.CharField(max_length=20, choices=OrderState.choices, default=OrderState.UNSIGNED)
    result = models.JSONField(default=dict)
    progress = models.JSONField(default=list, help_text="Lines that the device told while it worked, bounded.")
    percent = models.PositiveSmallIntegerField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error = models.CharField(max_length=500, blank=True)
    cancel_asked_at = models.DateTimeField(null=True)
    created = models.DateTimeField(default=clock.now)
    signed_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)
    handed_in = models.BigIntegerField(null=True)
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = AgentOrderQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["agent", "id"], condition=Q(state__in=sorted(OPEN_ORDERS)), name="agent_order_open"),
        ]

    def __str__(self) -> str:
        return f"{self.action} for agent {self.agent_id}"


class WantedState(models.Model):
    """What a device should be, as it was signed last. `facets` is a copy for reading; the signer believes the envelope
    alone."""

    agent = models.OneToOneField("connectors.Agent", models.CASCADE, related_name="wanted")
    generation = models.BigIntegerField(default=0)
    facets = models.JSONField(default=dict)
    envelope = models.JSONField(default=dict)
    signed_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"generation {self.generation} of agent {self.agent_id}"


class SignedList(models.Model):
    """The indicators that every agent of a connection is to enforce, as they were signed last. `digest` is of what was
    signed."""

    connection = models.OneToOneField("connectors.Connection", models.CASCADE, related_name="signed_list")
    version = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    envelope = models.JSONField(default=dict)
    entries = models.JSONField(default=dict, help_text="By key, for reading; the signer believes the envelope alone.")
    signed_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"version {self.version} of connection {self.connection_id}"


class AgentUpload(models.Model):
    """A file on its way from a device, in parts; whole when `received` is `size` and its digest was checked. A large
    one lies in the file of `core.content_files` that `place` names, under `key`; a small one in its parts. `order` is
    the one that it was announced for, `moved` when a part of it came last."""

    agent = models.ForeignKey("connectors.Agent", models.CASCADE, related_name="uploads")
    order = models.ForeignKey("connectors.AgentOrder", models.SET_NULL, null=True, related_name="uploads")
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100)
    whole = models.BooleanField(default=False)
    place = models.CharField(max_length=41, blank=True, default="", db_default="")
    key = models.BinaryField(null=True)
    proof = models.JSONField(default=dict, help_text="What the device signed when it announced the file.")
    began = models.DateTimeField(default=clock.now)
    moved = models.DateTimeField(default=clock.real_now, db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agent", "sha256"], name="one_upload_per_agent_and_file")]

    def __str__(self) -> str:
        return f"{self.name} of agent {self.agent_id}"


class AgentUploadPart(models.Model):
    """Encrypted at rest."""

    upload = models.ForeignKey("connectors.AgentUpload", models.CASCADE, related_name="parts")
    offset = models.BigIntegerField()
    ciphertext = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "offset"], name="one_part_per_place")]

    def __str__(self) -> str:
        return f"{self.offset} of upload {self.upload_id}"
