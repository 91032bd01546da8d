from django.db import models

from core import clock


class ConnectorState(models.Model):
    """What a connector kind must remember about one remote object, in the kind's own shape."""

    connection = models.ForeignKey("connectors.Connection", models.CASCADE, related_name="states")
    object_kind = models.CharField(max_length=20)
    object_id = models.CharField(max_length=200)
    state = models.JSONField(default=dict)
    updated = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "object_kind", "object_id"], name="one_state_per_remote_object"
            )
        ]

    def __str__(self) -> str:
        return f"{self.object_kind} {self.object_id}"
