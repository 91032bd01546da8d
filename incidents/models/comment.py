from typing import TYPE_CHECKING

from django.db import models

from core import clock

if TYPE_CHECKING:
    from incidents.models import Incident

MAX_COMMENT = 30_000


class Comment(models.Model):
    """What a person wrote about an incident; at most 30,000 characters of plain text. Never edited."""

    incident: "models.ForeignKey[Incident, Incident]" = models.ForeignKey(
        "incidents.Incident", models.CASCADE, related_name="comments"
    )
    text = models.TextField(max_length=MAX_COMMENT)
    author = models.JSONField()
    created = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [models.Index(fields=["incident", "-created"], name="comment_of_incident")]

    def __str__(self) -> str:
        return self.text[:60]
