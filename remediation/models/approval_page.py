from typing import TYPE_CHECKING

from django.db import models

from core import clock

if TYPE_CHECKING:
    from remediation.models.run import ActionRun


class ApprovalPage(models.Model):
    """Somebody was called because a request waits. `step` 1 calls the approvers, 2 the fallback approvers."""

    run: "models.ForeignKey[ActionRun, ActionRun]" = models.ForeignKey(
        "remediation.ActionRun", models.CASCADE, related_name="pages"
    )
    step = models.PositiveSmallIntegerField()
    people = models.JSONField(default=list, help_text="Their names, as they were called then.")
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "step"], name="paged_once_a_step")]

    def __str__(self) -> str:
        return f"Page {self.step} of {self.run_id}"
