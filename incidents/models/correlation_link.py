from typing import TYPE_CHECKING

from django.db import models

from core import clock
from incidents.enums import CorrelationReason

if TYPE_CHECKING:
    from incidents.models import Alert, Incident


class CorrelationLink(models.Model):
    """Why an alert belongs to its incident. `rule` is the rule's key (`manual_move` for a person), `evidence` what
    linked them as people read it, `other_alert` the alert it was linked through. `undone` when a person moved it."""

    alert: "models.ForeignKey[Alert, Alert]" = models.ForeignKey(
        "incidents.Alert", models.CASCADE, related_name="links"
    )
    incident: "models.ForeignKey[Incident, Incident]" = models.ForeignKey(
        "incidents.Incident", models.CASCADE, related_name="links"
    )
    reason = models.CharField(max_length=40, choices=CorrelationReason.choices)
    rule = models.CharField(max_length=60)
    evidence = models.CharField(max_length=500, blank=True)
    other_alert: "models.ForeignKey[Alert | None, Alert | None]" = models.ForeignKey(
        "incidents.Alert", models.SET_NULL, null=True, related_name="+"
    )
    created = models.DateTimeField(default=clock.now)
    undone = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.rule}: {self.evidence}"

    @property
    def said(self) -> str:
        """`evidence`, unless the alert at the other end is hidden from the reader, of whom `with_reasons` knows: the
        words may name what only that one names."""
        return self.evidence if self._other_is_seen else ""

    @property
    def seen_other_id(self) -> int | None:
        return self.other_alert_id if self._other_is_seen else None

    @property
    def _other_is_seen(self) -> bool:
        return bool(getattr(self, "other_is_seen", True))
