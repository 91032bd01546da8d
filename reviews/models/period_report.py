from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core import clock
from reviews.enums import DocumentState
from reviews.queries import PeriodReportQuerySet

if TYPE_CHECKING:
    from core.models import Blob


class PeriodReport(models.Model):
    """The figures of a span of time, frozen with author and time. `content` is everything its page, PDF and CSV show,
    under `digest`. Made again, it is a new version of the same `series` and the earlier one stays.

    It tells what its author could see: `everything`, or the device groups `group_ids`. Restricted incidents are never
    in it.
    """

    title = models.CharField(max_length=200)
    series = models.PositiveBigIntegerField(db_index=True)
    edition = models.PositiveIntegerField(default=1)
    since = models.DateTimeField()
    until = models.DateTimeField()
    zone = models.CharField(max_length=60, default="UTC")
    notes = models.TextField(blank=True)
    author = models.JSONField()
    made = models.DateTimeField(default=clock.now)
    everything = models.BooleanField(default=False)
    group_ids = ArrayField(models.BigIntegerField(), default=list)
    content = models.JSONField(null=True)
    digest = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=DocumentState.choices, default=DocumentState.WAITING)
    blob: "models.ForeignKey[Blob | None, Blob | None]" = models.ForeignKey(
        "core.Blob", models.SET_NULL, null=True, related_name="+"
    )
    error = models.CharField(max_length=500, blank=True)

    objects = PeriodReportQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "edition"], name="report_edition_once")]
        indexes = [models.Index(fields=["-made", "-id"], name="report_made")]

    def __str__(self) -> str:
        return self.title

    @property
    def number(self) -> str:
        return f"REP-{self.series}" + (f" v{self.edition}" if self.edition > 1 else "")
