from django.contrib.postgres.fields import ArrayField
from django.db import models


class Role(models.Model):
    """A named set of permission keys. Built-in roles cannot be edited or deleted."""

    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80, unique=True)
    permissions = ArrayField(models.CharField(max_length=80), default=list)
    built_in = models.BooleanField(default=False)
    needs_second_factor = models.BooleanField(default=False)
    grace_days = models.PositiveSmallIntegerField(default=7, help_text="Days to set one up before nothing else opens.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
