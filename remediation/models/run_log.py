from typing import TYPE_CHECKING

from django.db import models

from core import clock
from remediation.enums import LogLevel

if TYPE_CHECKING:
    from remediation.models.run import ActionRun


class RunLog(models.Model):
    """A line an operator can read: what a run tried and what the remote side said. `seq` makes repeats harmless."""

    run: "models.ForeignKey[ActionRun, ActionRun]" = models.ForeignKey(
        "remediation.ActionRun", models.CASCADE, related_name="log_lines"
    )
    at = models.DateTimeField(default=clock.now)
    level = models.CharField(max_length=8, choices=LogLevel.choices, default=LogLevel.INFO)
    text = models.CharField(max_length=1000)
    origin = models.CharField(max_length=80, help_text="Unique per run: a second report of the same line is dropped.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "origin"], name="run_log_once")]
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return self.text
