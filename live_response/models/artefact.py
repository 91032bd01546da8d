from typing import TYPE_CHECKING

from django.db import models

from core import clock

if TYPE_CHECKING:
    from core.models import Blob
    from live_response.models.command import LiveCommand


class LiveArtefact(models.Model):
    """A file that a command brought: what `getfile` fetched, or output that was kept with `>`."""

    command: "models.ForeignKey[LiveCommand, LiveCommand]" = models.ForeignKey(
        "live_response.LiveCommand", models.CASCADE, related_name="artefacts"
    )
    name = models.CharField(max_length=200)
    path = models.CharField(max_length=4_096, blank=True, help_text="Where it lay on the device.")
    blob: "models.ForeignKey[Blob, Blob]" = models.ForeignKey("core.Blob", models.CASCADE, related_name="+")
    created = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["command", "name"], name="live_artefact_once")]

    def __str__(self) -> str:
        return self.name
