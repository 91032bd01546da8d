from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models

from accounts import keys
from notifications.enums import DispatchStatus

if TYPE_CHECKING:
    from accounts.models import User
    from notifications.models import Dispatch  # noqa: F401 - named in the base class


class DispatchQuerySet(models.QuerySet["Dispatch"]):
    def visible_to(self, user: "User") -> Self:
        """The log of what was sent, without its words: for who manages the system."""
        return self if user.holds(keys.MANAGE_SYSTEM) else self.none()

    def due(self, now: datetime) -> Self:
        return self.filter(status=DispatchStatus.WAITING, next_attempt_at__lte=now)
