from typing import TYPE_CHECKING

from django.db import models

from core import clock
from reviews.enums import ReviewState
from reviews.queries import ReviewQuerySet

if TYPE_CHECKING:
    from incidents.models import Incident


class Review(models.Model):
    """The post-incident review of one incident. Signing freezes `snapshot` (the whole report as data, with its
    figures) under `snapshot_sha256`; a signed review is never changed."""

    incident: "models.OneToOneField[Incident, Incident]" = models.OneToOneField(
        "incidents.Incident", models.CASCADE, related_name="review"
    )
    state = models.CharField(max_length=8, choices=ReviewState.choices, default=ReviewState.DRAFT)
    summary = models.TextField(blank=True)
    lessons = models.TextField(blank=True)
    written_by = models.JSONField(null=True)
    created = models.DateTimeField(default=clock.now)
    updated = models.DateTimeField(default=clock.now)
    signed_at = models.DateTimeField(null=True)
    signed_by = models.JSONField(null=True)
    snapshot = models.JSONField(null=True)
    snapshot_sha256 = models.CharField(max_length=64, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = ReviewQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Review of {self.incident}"
