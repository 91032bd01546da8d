from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from remediation.enums import Decision

if TYPE_CHECKING:
    from accounts.models import User
    from remediation.models import ActionRun  # noqa: F401 - named in the base class


class RunQuerySet(models.QuerySet["ActionRun"]):
    def visible_to(self, user: "User") -> Self:
        """Runs this person may see: those that touch no device or one in scope, outside restricted incidents."""
        if not user.holds("security_data.read"):
            return self.none()
        allowed = self.filter(Q(incident=None) | Q(incident__restricted=False) | Q(incident__restricted_to=user))
        if user.scope.everything:
            return allowed
        groups = sorted(user.scope.group_ids)
        return allowed.filter(Q(device_group_ids=[]) | Q(device_group_ids__overlap=groups))

    def top_level(self) -> Self:
        """Without the children of fanned-out runs."""
        return self.filter(parent=None)

    def pending(self) -> Self:
        return self.filter(decision=Decision.PENDING)

    def decided(self) -> Self:
        return self.exclude(decision=Decision.PENDING)
