from typing import TYPE_CHECKING

from django.db import models

from core import clock

if TYPE_CHECKING:
    from reviews.models.review import Review


class Addendum(models.Model):
    """What became known after the signature. The signed document stays as it is; `digest` covers it, the addenda
    before, the words, the author and the time."""

    review: "models.ForeignKey[Review, Review]" = models.ForeignKey(
        "reviews.Review", models.CASCADE, related_name="addenda"
    )
    text = models.TextField()
    author = models.JSONField()
    at = models.DateTimeField(default=clock.now)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "addenda"

    def __str__(self) -> str:
        return f"Addendum {self.pk} to {self.review_id}"
