from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

from core import clock
from incidents.enums import TaughtState

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import CorrelationChange  # noqa: F401 - named in the base class


class CorrelationChangeQuerySet(models.QuerySet["CorrelationChange"]):
    def visible_to(self, user: "User") -> Self:
        """Changes of options, and what was learned from alerts that this person sees: the words name their things."""
        alerts: Any = apps.get_model("incidents", "Alert")._default_manager
        seen = Q(option__gt="") | Q(alert__in=alerts.visible_to(user).values("pk"))
        return self.filter(seen | Q(alert=None) if user.scope.everything else seen)

    def in_force(self) -> Self:
        return self.filter(Q(expires=None) | Q(expires__gt=clock.now()), state=TaughtState.IN_FORCE)
