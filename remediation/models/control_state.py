from django.db import models

from core import clock
from incidents.enums import EntityKind


class ControlState(models.Model):
    """The policy in force now on one facet of one target: what we want, what was last observed.

    `desired` and `observed` are facet words (`isolated`/`connected`, `disabled`/`enabled`, ...); empty is not known.
    `generation` grows with every change of `desired`: the newest wins.
    """

    target_kind = models.CharField(max_length=10, choices=EntityKind.choices)
    target_id = models.BigIntegerField()
    facet = models.CharField(max_length=20)
    facet_key = models.CharField(max_length=80, blank=True)
    desired = models.CharField(max_length=40, blank=True)
    observed = models.CharField(max_length=40, blank=True)
    generation = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(default=clock.now)
    by = models.CharField(max_length=255, blank=True)
    run_id = models.BigIntegerField(null=True)
    observed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["target_kind", "target_id", "facet", "facet_key"], name="one_state_per_facet"
            )
        ]

    def __str__(self) -> str:
        return f"{self.target_kind} {self.target_id} {self.facet}: {self.desired}"
