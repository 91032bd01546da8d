from django.db import models

from core import clock
from incidents.enums import EntityKind


class Hold(models.Model):
    """A person took an action back: nothing automatic redoes it on this facet until a person lifts the hold."""

    target_kind = models.CharField(max_length=10, choices=EntityKind.choices)
    target_id = models.BigIntegerField()
    target_name = models.CharField(max_length=320, blank=True)
    facet = models.CharField(max_length=20)
    facet_key = models.CharField(max_length=80, blank=True)
    run_id = models.BigIntegerField(help_text="The run that took it back.")
    by = models.JSONField(help_text="The actor, frozen.")
    reason = models.TextField()
    at = models.DateTimeField(default=clock.now)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.JSONField(null=True)
    lifted_reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["target_kind", "target_id", "facet", "facet_key"],
                condition=models.Q(lifted_at=None),
                name="one_hold_per_facet",
            )
        ]

    def __str__(self) -> str:
        return f"Hold on {self.facet} of {self.target_name}"
