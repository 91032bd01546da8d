from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import LegalHold  # noqa: F401 - named in the base class


class LegalHoldQuerySet(models.QuerySet["LegalHold"]):
    def visible_to(self, user: "User") -> Self:
        """Of incidents that this person sees."""
        incidents: Any = apps.get_model("incidents", "Incident")._default_manager
        return self.filter(incident__in=incidents.visible_to(user).values("pk"))

    def in_force(self) -> Self:
        return self.filter(lifted=None)
