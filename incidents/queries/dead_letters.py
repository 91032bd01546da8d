from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import DeadLetter  # noqa: F401 - named in the base class


class DeadLetterQuerySet(models.QuerySet["DeadLetter"]):
    def visible_to(self, user: "User") -> Self:
        """All or none: nobody could read which devices the item names, so it may be of any group."""
        return self if user.scope.everything else self.none()
