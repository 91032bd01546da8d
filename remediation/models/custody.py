from typing import TYPE_CHECKING

from django.db import models

from core import clock
from remediation.enums import CustodyKind
from remediation.queries.custody import CustodyQuerySet, QuarantinedQuerySet

if TYPE_CHECKING:
    from core.models import Blob
    from incidents.models import Device, File, Incident
    from remediation.models import ActionRun, Indicator


class Custody(models.Model):
    """The record of one piece of evidence. It outlives the file: `gone` says when and why that was deleted.

    `proof` is what the device's own key signed when it announced the file (`agent_proof.check_proof` verifies it).
    Who opened it, when and why lies in the audit log under `custody:<id>`, chained with everything else.
    """

    reference = models.CharField(max_length=60, unique=True, help_text="The row that it is about, as `run:7/3`.")
    kind = models.CharField(max_length=12, choices=CustodyKind.choices)
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField(null=True)
    blob: "models.ForeignKey[Blob | None, Blob | None]" = models.ForeignKey(
        "core.Blob", models.SET_NULL, null=True, related_name="custody"
    )
    device: "models.ForeignKey[Device | None, Device | None]" = models.ForeignKey(
        "incidents.Device", models.SET_NULL, null=True, related_name="+"
    )
    device_name = models.CharField(max_length=255, blank=True)
    incident: "models.ForeignKey[Incident | None, Incident | None]" = models.ForeignKey(
        "incidents.Incident", models.SET_NULL, null=True, related_name="evidence_in_custody"
    )
    run: "models.ForeignKey[ActionRun | None, ActionRun | None]" = models.ForeignKey(
        "remediation.ActionRun", models.SET_NULL, null=True, related_name="custody"
    )
    taken_by = models.JSONField(help_text="The actor whose order brought it, frozen.")
    taken = models.DateTimeField(default=clock.now)
    proof = models.JSONField(default=dict)
    opened = models.PositiveIntegerField(default=0)
    last_opened = models.DateTimeField(null=True)
    gone = models.DateTimeField(null=True)
    gone_why = models.CharField(max_length=300, blank=True)

    objects = CustodyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "custody"
        indexes = [
            models.Index(fields=["-taken", "-id"], name="custody_newest"),
            models.Index(fields=["incident", "-taken"], name="custody_of_incident"),
            models.Index(fields=["sha256"], name="custody_sha256"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def number(self) -> str:
        return f"EV-{self.pk}"

    @property
    def subject(self) -> str:
        return f"custody:{self.pk}"

    @property
    def thread(self) -> str:
        return f"incident:{self.incident_id}" if self.incident_id else self.subject


class QuarantinedItem(models.Model):
    """One copy of a file that lies in the quarantine of a device. `item` is the device's own name for it; a connection
    that names none has one row for the file. Without a run the device took it by itself, as `indicator` asks."""

    device: "models.ForeignKey[Device, Device]" = models.ForeignKey(
        "incidents.Device", models.CASCADE, related_name="quarantined"
    )
    file: "models.ForeignKey[File | None, File | None]" = models.ForeignKey(
        "incidents.File", models.SET_NULL, null=True, related_name="quarantined"
    )
    item = models.CharField(max_length=120, blank=True)
    name = models.CharField(max_length=255)
    path = models.CharField(max_length=4_096, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(null=True)
    run: "models.ForeignKey[ActionRun | None, ActionRun | None]" = models.ForeignKey(
        "remediation.ActionRun", models.CASCADE, null=True, related_name="quarantined"
    )
    indicator: "models.ForeignKey[Indicator | None, Indicator | None]" = models.ForeignKey(
        "remediation.Indicator", models.SET_NULL, null=True, related_name="quarantined"
    )
    since = models.DateTimeField(default=clock.now)
    released = models.DateTimeField(null=True)
    released_by: "models.ForeignKey[ActionRun | None, ActionRun | None]" = models.ForeignKey(
        "remediation.ActionRun", models.SET_NULL, null=True, related_name="+"
    )

    objects = QuarantinedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "item", "path"], name="quarantined_once_per_run"),
            models.UniqueConstraint(
                fields=["device", "item"], condition=models.Q(run=None), name="quarantined_once_by_itself"
            ),
        ]
        indexes = [models.Index(fields=["-since", "-id"], condition=models.Q(released=None), name="in_quarantine")]

    def __str__(self) -> str:
        return self.name
