from django.db import models

from connectors.enums import Health
from core import clock


class Connection(models.Model):
    """One configured instance of a connector kind. `settings` holds what the kind's manifest declares; its secrets
    are in `secrets`, encrypted, and never leave the server."""

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=40)
    settings = models.JSONField(default=dict)
    secrets = models.BinaryField(null=True)
    enabled = models.BooleanField(default=True)
    health = models.CharField(max_length=12, choices=Health.choices, default=Health.UNKNOWN)
    health_detail = models.CharField(max_length=300, blank=True)
    checked_at = models.DateTimeField(null=True)
    created = models.DateTimeField(default=clock.now)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    def __str__(self) -> str:
        return self.name
