from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from accounts import keys

if TYPE_CHECKING:
    from accounts.models import User
    from notifications.models import Rule  # noqa: F401 - named in the base class


class RuleQuerySet(models.QuerySet["Rule"]):
    def visible_to(self, user: "User") -> Self:
        """A person's own rules, and for who manages settings those of the portal that reach no further than they."""
        mine = Q(personal=True, author=user)
        if not user.holds(keys.MANAGE_SETTINGS):
            return self.filter(mine)
        if user.scope.everything:
            return self.filter(mine | Q(personal=False))
        spoken_of = self.model.device_groups.through._default_manager
        beyond = spoken_of.exclude(devicegroup__in=user.scope.group_ids).values("rule")
        within = Q(personal=False, all_groups=False) & ~Q(pk__in=beyond)
        return self.filter(mine | within | Q(personal=False, author=user))

    def with_all(self) -> Self:
        return self.select_related("author").prefetch_related(
            "device_groups", "recipients__user", "recipients__endpoint"
        )
