from typing import TYPE_CHECKING, Any, Self

from django.db import models

from remediation.queries.runs import target_is_visible

if TYPE_CHECKING:
    from accounts.models import User
    from remediation.models import ControlState  # noqa: F401 - named in the base class


class ControlStateQuerySet(models.QuerySet["ControlState"]):
    def visible_to(self, user: "User") -> Self:
        """States of targets that this person may see."""
        return self.filter(target_is_visible(user)) if user.holds("security_data.read") else self.none()

    def drifting(self) -> Self:
        return self.exclude(drift_since=None)

    def of_target(self, target: Any) -> Self:
        return self.filter(target_kind=target.kind, target_id=target.pk)
