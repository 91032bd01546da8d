from django.contrib.postgres.fields import ArrayField
from django.db import models

from core import clock


class OutboxEvent(models.Model):
    """An event written in the transaction that caused it, delivered after commit, at least once."""

    topic = models.CharField(max_length=80)
    payload = models.JSONField(default=dict)
    created = models.DateTimeField(default=clock.real_now)
    due = models.DateTimeField(default=clock.real_now)
    delivered_at = models.DateTimeField(null=True)
    done = ArrayField(models.CharField(max_length=120), default=list, help_text="Listeners that have finished.")
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=64, blank=True, db_default="", help_text="Of the request that caused it.")

    class Meta:
        indexes = [models.Index(fields=["due", "id"], condition=models.Q(delivered_at=None), name="outbox_open")]

    def __str__(self) -> str:
        return f"{self.topic} {self.pk}"
