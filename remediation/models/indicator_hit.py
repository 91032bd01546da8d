from typing import TYPE_CHECKING

from django.db import models

from core import clock
from remediation.enums import HitKind
from remediation.queries.indicators import HitQuerySet

if TYPE_CHECKING:
    from connectors.models import Connection
    from incidents.models import Alert, Device
    from remediation.models import Indicator


class IndicatorHit(models.Model):
    """What an indicator names was met: an alert names it (`connection` is None), or a connection told that a device met
    it. `key` says which hit it is, so that one that is told again stays one.

    `wants_alert` is set while a hit that a connection told of has no alert yet and its indicator asks for one; `alert`
    is the alert that tells of it, and `raised` says that it was raised because of this hit.
    """

    indicator: "models.ForeignKey[Indicator, Indicator]" = models.ForeignKey(
        "remediation.Indicator", models.CASCADE, related_name="hits"
    )
    key = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=HitKind.choices)
    at = models.DateTimeField()
    noted = models.DateTimeField(default=clock.now)
    connection: "models.ForeignKey[Connection | None, Connection | None]" = models.ForeignKey(
        "connectors.Connection", models.CASCADE, null=True, related_name="+"
    )
    device: "models.ForeignKey[Device | None, Device | None]" = models.ForeignKey(
        "incidents.Device", models.SET_NULL, null=True, related_name="+"
    )
    alert: "models.ForeignKey[Alert | None, Alert | None]" = models.ForeignKey(
        "incidents.Alert", models.SET_NULL, null=True, related_name="+"
    )
    wants_alert = models.BooleanField(default=False)
    raised = models.BooleanField(default=False)

    objects = HitQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["indicator", "key"], name="a_hit_is_kept_once")]
        indexes = [
            models.Index(fields=["indicator", "-at"], name="hit_newest"),
            models.Index(fields=["noted"], condition=models.Q(wants_alert=True), name="hit_wants_alert"),
        ]

    def __str__(self) -> str:
        return f"{self.indicator_id}: {self.kind}"


class HitsRead(models.Model):
    """How far the hits of a connection were read."""

    connection: "models.OneToOneField[Connection, Connection]" = models.OneToOneField(
        "connectors.Connection", models.CASCADE, related_name="+"
    )
    last = models.CharField(max_length=80, blank=True)

    def __str__(self) -> str:
        return f"{self.connection_id}: {self.last}"
