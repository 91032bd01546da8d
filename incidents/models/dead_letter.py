from typing import TYPE_CHECKING

from django.db import models

from core import clock
from incidents.enums import DeadLetterState
from incidents.queries.dead_letters import DeadLetterQuerySet

if TYPE_CHECKING:
    from incidents.models import Alert


class DeadLetter(models.Model):
    """An item that could not become an alert, kept raw (bounded) until an admin replays or discards it."""

    source = models.CharField(max_length=80)
    format = models.CharField(max_length=30)
    raw = models.BinaryField()
    truncated = models.BooleanField(default=False)
    code = models.CharField(max_length=40)
    message = models.CharField(max_length=500)
    field = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=DeadLetterState.choices, default=DeadLetterState.OPEN)
    alert: "models.ForeignKey[Alert | None, Alert | None]" = models.ForeignKey(
        "incidents.Alert", models.SET_NULL, null=True, related_name="+"
    )
    created = models.DateTimeField(default=clock.now)
    handled = models.DateTimeField(null=True)
    handled_by = models.CharField(max_length=255, blank=True)
    exercise = models.CharField(max_length=40, blank=True)

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state", "-id"], name="dead_letter_state")]

    def __str__(self) -> str:
        return f"{self.source} {self.code}"
