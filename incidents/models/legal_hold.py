from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from core import clock
from core.actors import Actor
from incidents.queries.legal_holds import LegalHoldQuerySet

if TYPE_CHECKING:
    from incidents.models import Incident


class LegalHold(models.Model):
    """Somebody says that nothing of an incident may be deleted: no retention and no erasure touches it until the hold
    is lifted. A row stays when it is lifted. `placed_by` and `lifted_by` are actors, frozen."""

    incident: "models.ForeignKey[Incident, Incident]" = models.ForeignKey(
        "incidents.Incident", models.PROTECT, related_name="holds"
    )
    reason = models.CharField(max_length=1000)
    reference = models.CharField(max_length=120, blank=True, help_text="The file or case number of whoever asked.")
    placed_by = models.JSONField()
    placed = models.DateTimeField(default=clock.now)
    lifted = models.DateTimeField(null=True)
    lifted_by = models.JSONField(null=True)
    lift_reason = models.CharField(max_length=1000, blank=True)

    objects = LegalHoldQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["incident"], condition=Q(lifted=None), name="hold_in_force"),
            models.Index(fields=["-placed", "-id"], name="hold_newest"),
        ]

    def __str__(self) -> str:
        return f"Legal hold {self.pk}"

    @property
    def in_force(self) -> bool:
        return self.lifted is None

    @property
    def placer(self) -> Actor:
        return Actor.from_json(self.placed_by)

    @property
    def lifter(self) -> Actor | None:
        return Actor.from_json(self.lifted_by) if self.lifted_by else None
