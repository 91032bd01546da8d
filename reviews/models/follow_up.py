from typing import TYPE_CHECKING

from django.db import models

from core import clock
from reviews.enums import FollowUpState

if TYPE_CHECKING:
    from accounts.models import User
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
    created = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["due", "id"]

    def __str__(self) -> str:
        return self.text
