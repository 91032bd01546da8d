from typing import TYPE_CHECKING

from django.db import models

from core import clock
from reviews.enums import DocumentState

if TYPE_CHECKING:
    from core.models import Blob
    from reviews.models.review import Review


class ReviewDocument(models.Model):
    """A PDF of a review as it stood: `digest` is that of the report it shows, so an unchanged report is made once."""

    review: "models.ForeignKey[Review, Review]" = models.ForeignKey(
        "reviews.Review", models.CASCADE, related_name="documents"
    )
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=DocumentState.choices, default=DocumentState.WAITING)
    blob: "models.ForeignKey[Blob | None, Blob | None]" = models.ForeignKey(
        "core.Blob", models.SET_NULL, null=True, related_name="+"
    )
    error = models.CharField(max_length=500, blank=True)
    created = models.DateTimeField(default=clock.real_now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["review", "digest"], name="document_once")]

    def __str__(self) -> str:
        return f"{self.review_id} {self.digest[:8]}"
