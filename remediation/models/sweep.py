from typing import TYPE_CHECKING

from django.db import models

from core import clock
from remediation.enums import FindingState, SweepItemKind, SweepPartState, SweepState
from remediation.queries.sweeps import FindingQuerySet, SweepQuerySet

if TYPE_CHECKING:
    from incidents.models import Device, File, Identity, Incident
    from remediation.models import ActionRun, Indicator


class Sweep(models.Model):
    """One question to many devices: is anything of this list here? `items` is `[{"id", "kind", "value"}]`; each device
    is asked by an ordinary run of its own (`parts`)."""

    incident: "models.ForeignKey[Incident, Incident]" = models.ForeignKey(
        "incidents.Incident", models.CASCADE, related_name="sweeps"
    )
    reason = models.TextField()
    items = models.JSONField(default=list)
    asked_by = models.JSONField(help_text="The actor, frozen.")
    asker_id = models.BigIntegerField(help_text="The person whose rights and scope count.")
    source = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=SweepState.choices, default=SweepState.ASKING)
    created = models.DateTimeField(default=clock.now)
    ended = models.DateTimeField(null=True)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    objects = SweepQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["incident", "-created", "-id"], name="sweep_of_incident"),
            models.Index(fields=["id"], condition=~models.Q(state="finished"), name="sweep_open"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"SWP-{self.pk}"

    @property
    def thread(self) -> str:
        return f"incident:{self.incident_id}"


class SweepPart(models.Model):
    """One device of a sweep. `run` carries the question there; `detail` says why nothing could be asked or answered."""

    sweep: "models.ForeignKey[Sweep, Sweep]" = models.ForeignKey(
        "remediation.Sweep", models.CASCADE, related_name="parts"
    )
    device: "models.ForeignKey[Device, Device]" = models.ForeignKey(
        "incidents.Device", models.CASCADE, related_name="sweep_parts"
    )
    run: "models.ForeignKey[ActionRun | None, ActionRun | None]" = models.ForeignKey(
        "remediation.ActionRun", models.SET_NULL, null=True, related_name="sweep_parts"
    )
    state = models.CharField(max_length=10, choices=SweepPartState.choices, default=SweepPartState.WAITING)
    detail = models.CharField(max_length=500, blank=True)
    found = models.PositiveIntegerField(default=0)
    cut = models.BooleanField(default=False, help_text="The device found more than it could tell.")
    missed = models.JSONField(default=list, help_text="Kinds of things that the device could not look for everywhere.")
    answered = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sweep", "device"], name="sweep_asks_a_device_once")]

    def __str__(self) -> str:
        return f"{self.sweep_id}: {self.device_id}"


class SweepFinding(models.Model):
    """Something of an incident that is, or was, on a device. Found again it stays the same row."""

    incident: "models.ForeignKey[Incident, Incident]" = models.ForeignKey(
        "incidents.Incident", models.CASCADE, related_name="sweep_findings"
    )
    device: "models.ForeignKey[Device, Device]" = models.ForeignKey(
        "incidents.Device", models.CASCADE, related_name="sweep_findings"
    )
    kind = models.CharField(max_length=12, choices=SweepItemKind.choices)
    value = models.CharField(max_length=1_000)
    where = models.CharField(max_length=2_000)
    detail = models.CharField(max_length=1_000, blank=True)
    digest = models.CharField(max_length=64, help_text="Of kind, value and place.")
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the file that was found.")
    file: "models.ForeignKey[File | None, File | None]" = models.ForeignKey(
        "incidents.File", models.SET_NULL, null=True, related_name="sweep_findings"
    )
    identity: "models.ForeignKey[Identity | None, Identity | None]" = models.ForeignKey(
        "incidents.Identity", models.SET_NULL, null=True, related_name="sweep_findings"
    )
    state = models.CharField(max_length=10, choices=FindingState.choices, default=FindingState.FOUND)
    first_seen = models.DateTimeField(default=clock.now)
    last_seen = models.DateTimeField(default=clock.now)
    sweeps = models.ManyToManyField("remediation.Sweep", related_name="findings")
    removal: "models.ForeignKey[ActionRun | None, ActionRun | None]" = models.ForeignKey(
        "remediation.ActionRun", models.SET_NULL, null=True, related_name="removes"
    )
    indicator: "models.ForeignKey[Indicator | None, Indicator | None]" = models.ForeignKey(
        "remediation.Indicator", models.SET_NULL, null=True, related_name="+"
    )
    said_by = models.JSONField(null=True, help_text="Who asked for its removal or accepted it, frozen.")
    said = models.TextField(blank=True, help_text="The reason.")
    said_at = models.DateTimeField(null=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "device", "digest"], name="a_finding_is_kept_once")]
        indexes = [models.Index(fields=["file"], condition=~models.Q(file=None), name="finding_of_file")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"
