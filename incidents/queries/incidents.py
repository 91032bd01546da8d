from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q

from core.pagination import counted
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
        allowed = self.filter(Q(restricted=False) | Q(pk__in=self.named_to(user)))
        if user.scope.everything:
            return allowed
        return allowed.filter(Q(open_to_all=True) | Q(device_group_ids__overlap=sorted(user.scope.group_ids)))

    def named_to(self, user: "User") -> "models.QuerySet[models.Model, Any]":
        """Keys of the restricted incidents that name this person; a sub-query, so that no join doubles a row."""
        people: Any = self.model._meta.get_field("restricted_to").remote_field
        rows: models.QuerySet[models.Model, Any] = people.through._default_manager.filter(user=user).values("incident")
        return rows

    def hidden_from(self, user: "User") -> "models.QuerySet[Incident, Any]":
        """Keys of the restricted incidents that do not name this person: few, so that whatever belongs to an incident
        is told apart by a small list instead of a join."""
        return self.filter(restricted=True).exclude(pk__in=self.named_to(user)).values("pk")

    def wholly_visible_to(self, user: "User") -> Self:
        """Incidents of which this person may see everything: a report tells the whole story or none of it."""
        seen = self.visible_to(user)
        if user.scope.everything:
            return seen
        return seen.filter(device_group_ids__contained_by=sorted(user.scope.group_ids))

    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def listed(self) -> Self:
        """Without incidents that were merged into another."""
        return self.exclude(status=IncidentStatus.REDIRECTED)

    def for_rows(self) -> Self:
        """With what a row of a list shows, without the long texts that it does not."""
        return self.select_related("assigned_to").defer("description", "summary", "resolving_comment")

    def counted(self) -> int:
        """Exact to 10,000; 10,001 stands for more."""
        return counted(self)

    def known_words(self, column: str, most: int = 60) -> list[str]:
        """The words of an array column that occur in these rows, for suggestions."""
        word = models.Func(models.F(column), function="unnest", output_field=models.TextField())
        words = self.order_by().annotate(word=word).values_list("word", flat=True)
        return sorted(set(words.distinct()[:most]), key=str.casefold)
