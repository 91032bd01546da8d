from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from accounts.models import User
    from notifications.models import Notice  # noqa: F401 - named in the base class


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: "User") -> Self:
        """A person's own notices about things this person may still read; nobody reads those of others."""
        return self.filter(user=user, user__is_active=True)

    def unread(self) -> Self:
        return self.filter(read_at=None)
