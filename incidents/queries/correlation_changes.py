from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

from core import clock
from incidents.enums import TaughtState

if TYPE_CHECKING:
    from accounts.models import User


class CorrelationChangeQuerySet(models.QuerySet["CorrelationChange"]):
    def visible_to(self, user: "User") -> Self:
        """Changes of options, and what was learned from alerts that this person sees: the words name their things."""
        alerts = apps.get_model("incidents", "Alert")._default_manager.visible_to(user)  # type: ignore[attr-defined]
        seen = Q(option__gt="") | Q(alert__in=alerts.values("pk"))
        return self.filter(seen | Q(alert=None) if user.scope.everything else seen)

    def in_force(self) -> Self:
        return self.filter(Q(expires=None) | Q(expires__gt=clock.now()), state=TaughtState.IN_FORCE)
