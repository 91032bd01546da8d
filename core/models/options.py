from django.db import models

from core import clock


class OptionRevision(models.Model):
    """One value of one admin option; the newest row of a key is in force, older rows are its history."""

    key = models.CharField(max_length=80)
    value = models.JSONField()
    at = models.DateTimeField(default=clock.now)
    actor = models.JSONField()
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = [models.Index(fields=["key", "-id"], name="option_newest")]

    def __str__(self) -> str:
        return self.key
