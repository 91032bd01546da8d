from typing import TYPE_CHECKING

from django.db import models

from core import clock
from reviews.enums import DrillKind
from reviews.queries import DrillQuerySet

if TYPE_CHECKING:
    from reviews.models.lesson import Lesson


class Drill(models.Model):
    """An exercise that was held: who took part, what it showed, and when the next one is due."""

    kind = models.CharField(max_length=12, choices=DrillKind.choices, default=DrillKind.TABLETOP)
    held = models.DateField()
    scenario = models.CharField(max_length=300)
    participants = models.CharField(max_length=1000, blank=True)
    findings = models.TextField(blank=True)
    next_due = models.DateField(null=True, blank=True)
    lessons: "models.ManyToManyField[Lesson, models.Model]" = models.ManyToManyField(
        "reviews.Lesson", related_name="drills", blank=True
    )
    created = models.DateTimeField(default=clock.now)
    created_by = models.JSONField(default=dict)
    updated = models.DateTimeField(default=clock.now)
    version = models.PositiveIntegerField(default=1)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    objects = DrillQuerySet.as_manager()

    class Meta:
        ordering = ["-held", "-id"]

    def __str__(self) -> str:
        return self.scenario
