from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Value

from core import clock
from core.actors import Actor
from incidents.enums import TaughtKind, TaughtState
from incidents.queries.correlation_changes import CorrelationChangeQuerySet

if TYPE_CHECKING:
    from incidents.models import Alert


class CorrelationChange(models.Model):
    """What a person taught the correlation: that a thing or a pair of detections proves no relation, or that an option
    is to be another. `rule` is a rule's key, empty for all; `thing` the thing as the rules compare it; `detectors` two
    kinds of alerts (`nodes.kind_of`); `device_group_ids` where it holds, empty for everywhere. `shown` says it for
    people. `alert` is the correction that it was learned from. Who proposes and who decides are actors, frozen; what
    was written is never changed, only its state."""

    kind = models.CharField(max_length=12, choices=TaughtKind.choices)
    state = models.CharField(max_length=12, choices=TaughtState.choices)
    rule = models.CharField(max_length=40, blank=True)
    thing = models.CharField(max_length=1000, blank=True)
    detectors: "ArrayField[list[str], list[str]]" = ArrayField(
        models.CharField(max_length=700), default=list, blank=True
    )
    device_group_ids: "ArrayField[list[int], list[int]]" = ArrayField(
        models.BigIntegerField(), default=list, db_default=Value("{}"), blank=True
    )
    exercise = models.CharField(max_length=64, blank=True)
    option = models.CharField(max_length=80, blank=True)
    value = models.JSONField(null=True)
    before = models.JSONField(null=True)
    shown = models.CharField(max_length=600)
    reason = models.CharField(max_length=1000)
    expires = models.DateTimeField(null=True)
    alert: "models.ForeignKey[Alert | None, Alert | None]" = models.ForeignKey(
        "incidents.Alert", models.SET_NULL, null=True, related_name="+"
    )
    trial = models.JSONField(null=True)
    author = models.JSONField()
    created = models.DateTimeField(default=clock.now)
    decider = models.JSONField(null=True)
    decided = models.DateTimeField(null=True)
    lifter = models.JSONField(null=True)
    lifted = models.DateTimeField(null=True)
    lift_reason = models.CharField(max_length=1000, blank=True)

    objects = CorrelationChangeQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state", "-id"], name="taught_by_state")]

    def __str__(self) -> str:
        return self.shown

    @property
    def is_over(self) -> bool:
        return self.expires is not None and self.expires <= clock.now()

    @property
    def in_force(self) -> bool:
        return self.state == TaughtState.IN_FORCE and not self.is_over

    @property
    def thread(self) -> str:
        return f"correlation_change:{self.pk}"

    @property
    def written_by(self) -> Actor:
        return Actor.from_json(self.author)

    @property
    def decided_by(self) -> Actor | None:
        return Actor.from_json(self.decider) if self.decider else None

    @property
    def lifted_by(self) -> Actor | None:
        return Actor.from_json(self.lifter) if self.lifter else None
