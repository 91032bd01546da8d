from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Lower

from core import clock
from core.actors import Actor

if TYPE_CHECKING:
    from core.models import Blob


class LibraryFile(models.Model):
    """A file that may be put onto devices or run there. `signature` is the portal's, over name and digest: what was
    changed in the database behind its back is never handed out."""

    name = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    blob: "models.ForeignKey[Blob, Blob]" = models.ForeignKey("core.Blob", models.PROTECT, related_name="+")
    description = models.TextField(blank=True)
    has_parameters = models.BooleanField(default=False)
    parameters_description = models.TextField(blank=True)
    signature = models.CharField(max_length=64)
    created_by = models.JSONField(help_text="The actor, frozen.")
    updated_by = models.JSONField(help_text="The actor, frozen.")
    created = models.DateTimeField(default=clock.now)
    updated = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="library_name_whatever_case")]

    def __str__(self) -> str:
        return self.name

    @property
    def type(self) -> str:
        """Its extension."""
        return self.name.rpartition(".")[2].lower() if "." in self.name else ""

    @property
    def creator(self) -> Actor:
        return Actor.from_json(self.created_by)

    @property
    def changer(self) -> Actor:
        return Actor.from_json(self.updated_by)
