from django.db import models

from core import clock
from incidents.enums import EntityKind
from remediation.queries.control import ControlStateQuerySet


class ControlState(models.Model):
    """The policy in force now on one facet of one target: what we want, what was last observed.

    `desired` and `observed` are facet words (`isolated`/`connected`, `disabled`/`enabled`, ...); empty is not known.
    `generation` grows with every change of `desired`: the newest wins. `checked_at` is the last look, whether or not
    anything could be seen (`detail` says why not, or how it differs). `drift_since` is set while what was seen is not
    what is wanted though no run is under way.
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
    checked_at = models.DateTimeField(null=True)
    drift_since = models.DateTimeField(null=True)
    detail = models.CharField(max_length=300, blank=True)

    objects = ControlStateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["target_kind", "target_id", "facet", "facet_key"], name="one_state_per_facet"
            )
        ]
        indexes = [
            models.Index(
                models.F("checked_at").asc(nulls_first=True), "id", condition=~models.Q(desired=""), name="state_due"
            ),
            models.Index(fields=["-since", "-id"], name="state_newest"),
            models.Index(fields=["drift_since"], condition=~models.Q(drift_since=None), name="state_drifting"),
            models.Index(fields=["run_id"], name="state_of_run"),
        ]

    def __str__(self) -> str:
        return f"{self.target_kind} {self.target_id} {self.facet}: {self.desired}"

    @property
    def is_drifting(self) -> bool:
        return self.drift_since is not None
