from typing import TYPE_CHECKING

from django.db import models

from core import clock

if TYPE_CHECKING:
    from core.models import Blob
    from remediation.models.run import ActionRun


class RunArtefact(models.Model):
    """A file a run produced: a probe report, a scan result."""

    run: "models.ForeignKey[ActionRun, ActionRun]" = models.ForeignKey(
        "remediation.ActionRun", models.CASCADE, related_name="artefacts"
    )
    name = models.CharField(max_length=120)
    blob: "models.ForeignKey[Blob, Blob]" = models.ForeignKey("core.Blob", models.CASCADE, related_name="+")
    password = models.TextField(blank=True, db_default="", help_text="Opens it; encrypted, in Base64.")
    created = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="artefact_once")]

    def __str__(self) -> str:
        return self.name
