from django.db import models

from core import clock


class Exercise(models.Model):
    """One played company: its seed, how far it got, and the state of its running attacks.

    Everything it made carries `key` in its `exercise` column, so that it is badged and can be removed in one step.
    """

    key = models.SlugField(max_length=40, unique=True)
    seed = models.BigIntegerField()
    state = models.CharField(max_length=12, default="preparing")
    progress = models.PositiveSmallIntegerField(default=0)
    plan = models.JSONField(default=dict)
    created = models.DateTimeField(default=clock.real_now)
    updated = models.DateTimeField(default=clock.real_now)

    def __str__(self) -> str:
        return self.key
