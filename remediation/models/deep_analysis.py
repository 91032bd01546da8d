from typing import TYPE_CHECKING, Any

from django.db import models

from core import clock
from core.actors import Actor
from remediation.enums import OPEN_ANALYSES, AnalysisState, SampleSource
from remediation.queries.analyses import DeepAnalysisQuerySet

if TYPE_CHECKING:
    from core.models import Blob
    from incidents.models import Alert, Device, File, Incident
    from remediation.models.run import ActionRun


class DeepAnalysis(models.Model):
    """One analysis of one file; a file has as many as were asked for, the newest is shown first.

    `sample` is the copy that is analysed, `report` what the sandbox told, checked and bounded when it came. Whoever
    analyses holds a lease: `lease` is the digest of its secret. `matched` says that the report was compared with
    indicators and known files, `alert` what came of that.
    """

    file: "models.ForeignKey[File, File]" = models.ForeignKey(
        "incidents.File", models.CASCADE, related_name="deep_analyses"
    )
    name = models.CharField(max_length=255)
    sample: "models.ForeignKey[Blob | None, Blob | None]" = models.ForeignKey(
        "core.Blob", models.SET_NULL, null=True, related_name="+"
    )
    source = models.CharField(max_length=14, choices=SampleSource.choices)
    device: "models.ForeignKey[Device | None, Device | None]" = models.ForeignKey(
        "incidents.Device", models.SET_NULL, null=True, related_name="+"
    )
    run: "models.ForeignKey[ActionRun | None, ActionRun | None]" = models.ForeignKey(
        "remediation.ActionRun", models.SET_NULL, null=True, related_name="analyses"
    )
    incident: "models.ForeignKey[Incident | None, Incident | None]" = models.ForeignKey(
        "incidents.Incident", models.SET_NULL, null=True, related_name="deep_analyses"
    )
    asked_by = models.JSONField(help_text="The actor, frozen.")
    reason = models.TextField()
    state = models.CharField(max_length=18, choices=AnalysisState.choices, default=AnalysisState.NOT_SUBMITTED)
    stage = models.CharField(max_length=300, blank=True)
    created = models.DateTimeField(default=clock.now)
    submitted = models.DateTimeField(null=True, help_text="Since when it waits for the analysis host.")
    collect_until = models.DateTimeField(null=True)
    began = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    lease = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    host = models.CharField(max_length=120, blank=True, help_text="Who analysed it.")
    report = models.JSONField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=300, blank=True)
    matched = models.BooleanField(default=False)
    matches = models.JSONField(default=list)
    alert: "models.ForeignKey[Alert | None, Alert | None]" = models.ForeignKey(
        "incidents.Alert", models.SET_NULL, null=True, related_name="+"
    )
    version = models.PositiveIntegerField(default=1)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    objects = DeepAnalysisQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deep analyses"
        constraints = [
            models.UniqueConstraint(
                fields=["file"], condition=models.Q(state__in=OPEN_ANALYSES), name="one_open_analysis_of_a_file"
            )
        ]
        indexes = [
            models.Index(fields=["file", "-created"], name="analysis_of_file"),
            models.Index(fields=["state", "submitted"], name="analysis_state"),
            models.Index(fields=["-created", "-id"], name="analysis_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def number(self) -> str:
        return f"ANL-{self.pk}"

    @property
    def thread(self) -> str:
        return f"incident:{self.incident_id}" if self.incident_id else f"analysis:{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_ANALYSES

    @property
    def requester(self) -> Actor:
        return Actor.from_json(self.asked_by)

    @property
    def behaviours(self) -> list[dict[str, Any]]:
        return list((self.report or {}).get("behaviours", ()))

    @property
    def gravest(self) -> str:
        """The severity of the gravest deed; empty without one."""
        return str(self.behaviours[0]["severity"]) if self.behaviours else ""
