from typing import TYPE_CHECKING

from django.db import models

from core import clock
from core.actors import Actor
from live_response.queries.sessions import FleetQuerySet

if TYPE_CHECKING:
    from accounts.models import User


class FleetQuery(models.Model):
    """One question that only reads, put to many devices at once; the answers are commands without a session."""

    line = models.CharField(max_length=2_000)
    reason = models.TextField()
    asked_by = models.JSONField(help_text="The actor, frozen.")
    user: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+"
    )
    created = models.DateTimeField(default=clock.now)

    objects = FleetQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-id"]

    def __str__(self) -> str:
        return f"{self.number} {self.line}"

    @property
    def number(self) -> str:
        return f"FQ-{self.pk}"

    @property
    def asker(self) -> Actor:
        return Actor.from_json(self.asked_by)
