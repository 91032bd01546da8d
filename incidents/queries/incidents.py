from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from incidents.enums import IncidentStatus

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import Incident

OPEN = (IncidentStatus.ACTIVE, IncidentStatus.IN_PROGRESS, IncidentStatus.AWAITING_ACTION)


class IncidentQuerySet(models.QuerySet["Incident"]):
    def visible_to(self, user: "User") -> Self:
        """Incidents this person may see; nothing for somebody who may not read at all."""
        if not user.holds("security_data.read"):
            return self.none()
        allowed = self.filter(Q(restricted=False) | Q(restricted_to=user))
        if user.scope.everything:
            return allowed
        return allowed.filter(Q(open_to_all=True) | Q(device_group_ids__overlap=sorted(user.scope.group_ids)))

    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def listed(self) -> Self:
        """Without incidents that were merged into another."""
        return self.exclude(status=IncidentStatus.REDIRECTED)
