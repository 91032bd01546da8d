from typing import TYPE_CHECKING

from django.db import models

from core import clock
from remediation.enums import RecoveryState, StepKind, StepState
from remediation.queries.recoveries import RecoveryQuerySet

if TYPE_CHECKING:
    from incidents.models import Alert, Device, Incident
    from remediation.models import ActionRun


class RecoveryTemplateStep(models.Model):
    """One step that every new checklist gets. `kind` says what the portal checks by itself when it is done."""

    kind = models.CharField(max_length=12, choices=StepKind.choices, default=StepKind.FREE)
    label = models.CharField(max_length=120)
    help = models.CharField(max_length=400, blank=True)
    position = models.PositiveSmallIntegerField(default=50)
    required = models.BooleanField(default=True)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.label


class Recovery(models.Model):
    """The way of one device of an incident back to work. While it is watched, `watch_until` is when it ends well; an
    alert before that ends it badly and `alert` is the one that did."""

    incident: "models.ForeignKey[Incident, Incident]" = models.ForeignKey(
        "incidents.Incident", models.CASCADE, related_name="recoveries"
    )
    device: "models.ForeignKey[Device, Device]" = models.ForeignKey(
        "incidents.Device", models.CASCADE, related_name="recoveries"
    )
    state = models.CharField(max_length=10, choices=RecoveryState.choices, default=RecoveryState.OPEN)
    began = models.DateTimeField(default=clock.now)
    began_by = models.JSONField()
    watch_hours = models.PositiveSmallIntegerField(default=72)
    watch_since = models.DateTimeField(null=True)
    watch_until = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    alert: "models.ForeignKey[Alert | None, Alert | None]" = models.ForeignKey(
        "incidents.Alert", models.SET_NULL, null=True, related_name="+"
    )
    detail = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = RecoveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "recoveries"
        constraints = [models.UniqueConstraint(fields=["incident", "device"], name="one_recovery_per_device")]
        indexes = [
            models.Index(fields=["watch_until"], condition=models.Q(state="watched"), name="recovery_watched"),
            models.Index(fields=["device"], condition=models.Q(state="watched"), name="recovery_watched_device"),
        ]

    def __str__(self) -> str:
        return f"{self.device} in {self.incident_id}"

    @property
    def thread(self) -> str:
        return f"incident:{self.incident_id}"


class RecoveryStep(models.Model):
    """One step of one checklist, as it was in the template when the checklist was made."""

    recovery: "models.ForeignKey[Recovery, Recovery]" = models.ForeignKey(
        "remediation.Recovery", models.CASCADE, related_name="steps"
    )
    kind = models.CharField(max_length=12, choices=StepKind.choices)
    label = models.CharField(max_length=120)
    help = models.CharField(max_length=400, blank=True)
    position = models.PositiveSmallIntegerField()
    required = models.BooleanField(default=True)
    state = models.CharField(max_length=8, choices=StepState.choices, default=StepState.OPEN)
    by = models.JSONField(null=True)
    at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)
    link = models.CharField(max_length=500, blank=True, help_text="Where the evidence of it lies.")
    runs: "models.ManyToManyField[ActionRun, ActionRun]" = models.ManyToManyField(
        "remediation.ActionRun", related_name="+"
    )

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.label
