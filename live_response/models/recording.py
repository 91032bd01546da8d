from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from live_response.models.session import LiveSession
    from live_response.models.shell import RawShell


class RecordedLine(models.Model):
    """One event of a session's recording in asciicast v2: `at` seconds after its beginning, `kind` i (typed), o
    (shown), r (a new size) or m (a mark); `shell` is the raw shell that it belongs to. Each
    digest is over the one before, so that no line can be changed, added or left out unseen."""

    session: "models.ForeignKey[LiveSession, LiveSession]" = models.ForeignKey(
        "live_response.LiveSession", models.CASCADE, related_name="recorded"
    )
    seq = models.PositiveIntegerField()
    at = models.FloatField()
    kind = models.CharField(max_length=1)
    data = models.TextField()
    digest = models.CharField(max_length=64)
    shell: "models.ForeignKey[RawShell | None, RawShell | None]" = models.ForeignKey(
        "live_response.RawShell", models.SET_NULL, null=True, related_name="recorded"
    )

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["session", "seq"], name="recorded_line_once")]
