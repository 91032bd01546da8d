from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models

if TYPE_CHECKING:
    from accounts.models import User


class LegalHoldQuerySet(models.QuerySet["LegalHold"]):
    def visible_to(self, user: "User") -> Self:
        """Of incidents that this person sees."""
        seen = apps.get_model("incidents", "Incident")._default_manager.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(incident__in=seen.values("pk"))

    def in_force(self) -> Self:
        return self.filter(lifted=None)
