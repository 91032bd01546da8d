from typing import TYPE_CHECKING

from django.db import models

from core import clock
from reviews.enums import FollowUpState
from reviews.queries import FollowUpQuerySet

if TYPE_CHECKING:
    from accounts.models import User
    from reviews.models.lesson import Lesson
    from reviews.models.review import Review


class FollowUp(models.Model):
    """What somebody promised to do by a date. Goes on after the review is signed."""

    review: "models.ForeignKey[Review, Review]" = models.ForeignKey(
        "reviews.Review", models.CASCADE, related_name="follow_ups"
    )
    text = models.CharField(max_length=500)
    owner: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="follow_ups"
    )
    due = models.DateField()
    state = models.CharField(max_length=6, choices=FollowUpState.choices, default=FollowUpState.OPEN)
    done_at = models.DateTimeField(null=True)
    done_by = models.JSONField(null=True)
    outcome = models.TextField(blank=True, help_text="What was done, or where the evidence is.")
    reopened_count = models.PositiveIntegerField(default=0)
    told_late = models.DateTimeField(null=True, help_text="When its owner was told that it is overdue.")
    lesson: "models.ForeignKey[Lesson | None, Lesson | None]" = models.ForeignKey(
        "reviews.Lesson", models.SET_NULL, null=True, related_name="follow_ups"
    )
    created = models.DateTimeField(default=clock.now)

    objects = FollowUpQuerySet.as_manager()

    class Meta:
        ordering = ["due", "id"]
        indexes = [models.Index(fields=["state", "due", "id"], name="follow_up_due")]

    def __str__(self) -> str:
        return self.text
