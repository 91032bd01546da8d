from django.db import models

from core import clock


class KnownHabits(models.Model):
    """What fires how often in this house, counted from the newest alerts now and then: the one row that correlation
    compares with. `table` is `{exercise: {"days", "machines", "accounts", "rest", "kinds": [[source, detector, title,
    rank, episodes]]}}`; `up_to_alert` is the newest alert that was counted."""

    up_to_alert = models.BigIntegerField(default=0)
    table = models.JSONField(default=dict)
    counted = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name_plural = "known habits"

    def __str__(self) -> str:
        return f"habits up to alert {self.up_to_alert}"
