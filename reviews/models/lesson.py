from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from core import clock
from reviews.enums import LessonCategory, LessonState
from reviews.queries import LessonQuerySet

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import Incident


class Lesson(models.Model):
    """What is to be done differently, and whether it is. `incident` is where it was learned; `incidents` are further
    ones that it is about. Later incidents that share a technique or a detector show it."""

    what = models.CharField(max_length=300)
    why = models.TextField(blank=True)
    category = models.CharField(max_length=16, choices=LessonCategory.choices, default=LessonCategory.PROCESS)
    state = models.CharField(max_length=10, choices=LessonState.choices, default=LessonState.PROPOSED)
    owner: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="lessons"
    )
    incident: "models.ForeignKey[Incident | None, Incident | None]" = models.ForeignKey(
        "incidents.Incident", models.CASCADE, null=True, related_name="lessons"
    )
    incidents: "models.ManyToManyField[Incident, models.Model]" = models.ManyToManyField(
        "incidents.Incident", related_name="linked_lessons", blank=True
    )
    techniques = ArrayField(models.CharField(max_length=20), default=list)
    detectors = ArrayField(models.CharField(max_length=200), default=list)
    created = models.DateTimeField(default=clock.now)
    created_by = models.JSONField(default=dict)
    updated = models.DateTimeField(default=clock.now)
    version = models.PositiveIntegerField(default=1)

    objects = LessonQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["-updated", "-id"], name="lesson_updated"),
            GinIndex(fields=["techniques"], name="lesson_techniques"),
            GinIndex(fields=["detectors"], name="lesson_detectors"),
        ]

    def __str__(self) -> str:
        return self.what

    def get_absolute_url(self) -> str:
        return f"/lessons/{self.pk}/"

    @property
    def number(self) -> str:
        return f"L-{self.pk}"
