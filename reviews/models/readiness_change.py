from django.db import models

from core import clock


class ReadinessChange(models.Model):
    """From `at` on a check of readiness stood so, for the portal as a whole. The first of a check has no `former`."""

    check_key = models.CharField(max_length=60)
    state = models.CharField(max_length=8)
    former = models.CharField(max_length=8, blank=True)
    sentence = models.CharField(max_length=500)
    count = models.IntegerField(null=True)
    of = models.IntegerField(null=True)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["check_key", "-at", "-id"], name="readiness_of_check")]

    def __str__(self) -> str:
        return f"{self.check_key}: {self.state}"
