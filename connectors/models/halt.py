from django.db import models

from core import clock


class Halt(models.Model):
    """One time that somebody stopped everything. Without `ended_at` it is in force: no order leaves the portal."""

    reason = models.CharField(max_length=1_000)
    by = models.JSONField(help_text="The actor, frozen.")
    at = models.DateTimeField(default=clock.real_now)
    held_back = models.PositiveIntegerField(default=0, help_text="Orders that had not left.")
    on_the_way = models.PositiveIntegerField(default=0, help_text="Orders that had left and had not ended.")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.JSONField(null=True)
    ended_reason = models.CharField(max_length=1_000, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(models.Value(1), condition=models.Q(ended_at=None), name="one_halt_in_force")
        ]

    def __str__(self) -> str:
        return f"Stopped {self.at:%Y-%m-%d %H:%M}: {self.reason}"
