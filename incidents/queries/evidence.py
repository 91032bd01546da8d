from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import Evidence  # noqa: F401 - named in the base class


class EvidenceQuerySet(models.QuerySet["Evidence"]):
    def visible_to(self, user: "User") -> Self:
        """Evidence of alerts this person may see."""
        if not user.holds("security_data.read"):
            return self.none()
        incidents: Any = apps.get_model("incidents", "Incident").objects.all()
        allowed = self.exclude(alert__incident__in=incidents.hidden_from(user))
        if user.scope.everything:
            return allowed
        groups = sorted(user.scope.group_ids)
        return allowed.filter(Q(alert__device_group_ids=[]) | Q(alert__device_group_ids__overlap=groups))
