from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import Alert


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, user: "User") -> Self:
        """Alerts this person may see; nothing for somebody who may not read at all."""
        if not user.holds("security_data.read"):
            return self.none()
        allowed = self.filter(Q(incident=None) | Q(incident__restricted=False) | Q(incident__restricted_to=user))
        if user.scope.everything:
            return allowed
        return allowed.filter(Q(device_group_ids=[]) | Q(device_group_ids__overlap=sorted(user.scope.group_ids)))

    def waiting_for_correlation(self) -> Self:
        return self.filter(correlated=None)

    def with_reasons(self) -> Self:
        return self.prefetch_related("links")
