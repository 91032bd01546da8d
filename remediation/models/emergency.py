from typing import TYPE_CHECKING

from django.db import models

from core import clock
from remediation.enums import EmergencyState

if TYPE_CHECKING:
    from remediation.models.run import ActionRun


class EmergencyApproval(models.Model):
    """One person approved alone. Somebody else ratifies it in time, or it is rolled back."""

    run: "models.OneToOneField[ActionRun, ActionRun]" = models.OneToOneField(
        "remediation.ActionRun", models.CASCADE, related_name="emergency_approval"
    )
    by = models.JSONField(help_text="The actor, frozen.")
    by_id = models.BigIntegerField()
    reason = models.TextField()
    at = models.DateTimeField(default=clock.now)
    ratify_until = models.DateTimeField()
    state = models.CharField(max_length=12, choices=EmergencyState.choices, default=EmergencyState.OPEN)
    settled_by = models.JSONField(null=True)
    settled_at = models.DateTimeField(null=True)
    settled_reason = models.TextField(blank=True)
    outcome = models.CharField(max_length=500, blank=True, help_text="What became of the roll-back.")
    rolled_back = models.BooleanField(default=False, help_text="Nothing is left to take back.")
    undo_run: "models.ForeignKey[ActionRun | None, ActionRun | None]" = models.ForeignKey(
        "remediation.ActionRun", models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["ratify_until"],
                condition=models.Q(state__in=["open", "lapsed", "disowned"], rolled_back=False),
                name="emergency_open",
            )
        ]

    def __str__(self) -> str:
        return f"Emergency approval of {self.run_id}: {self.state}"
