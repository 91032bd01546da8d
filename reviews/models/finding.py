from typing import TYPE_CHECKING

from django.db import models

from core import clock
from reviews.enums import FindingKind

if TYPE_CHECKING:
    from reviews.models.review import Review


class Finding(models.Model):
    """One thing that went well or badly."""

    review: "models.ForeignKey[Review, Review]" = models.ForeignKey(
        "reviews.Review", models.CASCADE, related_name="findings"
    )
    kind = models.CharField(max_length=6, choices=FindingKind.choices)
    text = models.CharField(max_length=500)
    created = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.text
