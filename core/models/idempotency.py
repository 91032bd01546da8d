from django.db import models

from core import clock


class IdempotencyRecord(models.Model):
    """The first answer to a POST that carried an `Idempotency-Key`, kept for a day."""

    principal = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    path = models.CharField(max_length=300)
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    response = models.JSONField(null=True)
    created = models.DateTimeField(default=clock.real_now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["principal", "path", "key"], name="idempotency_once")]

    def __str__(self) -> str:
        return self.key
