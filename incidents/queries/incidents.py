from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.query import ModelIterable

from core.pagination import counted
from incidents.enums import IncidentStatus, ValueSource
from incidents.queries.told_beside import beyond

if TYPE_CHECKING:
    from accounts.models import User
    from incidents.models import Incident

# An account that is switched off looks after nothing.
OWNERLESS = Q(assigned_to=None) | Q(assigned_to__is_active=False)
OPEN = (IncidentStatus.ACTIVE, IncidentStatus.IN_PROGRESS, IncidentStatus.AWAITING_ACTION)


def _name_is_told(user: "User") -> Q:
    """Where this person reads the full name: people's words are for everybody, the portal's for who sees all."""
    return Q(device_group_ids__contained_by=sorted(user.scope.group_ids)) | Q(name_source=ValueSource.MANUAL)


def name_contains(text: str, user: "User") -> Q:
    full = Q(display_name__has_text=text)
    if user.scope.everything:
        return full
    told = _name_is_told(user)
    return (told & full) | (~told & Q(neutral_name__has_text=text))


def _narrowed_to(groups: frozenset[int]) -> type[Any]:
    """How rows come out of a query-set for somebody of these groups. Every clone of the query-set keeps it, so a page
    cannot forget it."""

    class Narrowed(ModelIterable):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Any]:
            for incident in super().__iter__():
                incident.narrow_to(groups)
                yield incident

    return Narrowed


class IncidentQuerySet(models.QuerySet["Incident"]):
    def visible_to(self, user: "User") -> Self:
        """Incidents this person may see, each as far as they may see it (`Incident.narrow_to`); nothing for somebody
        who may not read at all. Columns taken with `values` are not narrowed."""
        if not user.holds("security_data.read"):
            return self.none()
        allowed = self.filter(Q(restricted=False) | Q(pk__in=self.named_to(user)))
        if user.scope.everything:
            return allowed
        groups = user.scope.group_ids
        seen = allowed.filter(Q(open_to_all=True) | Q(device_group_ids__overlap=sorted(groups)))
        seen._iterable_class = _narrowed_to(frozenset(groups))
        return seen

    def with_shown_name(self, user: "User") -> Self:
        """`shown_name`, the name as this person reads it, to order by: the full one would tell itself by its place."""
        if user.scope.everything:
            return self.annotate(shown_name=F("display_name"))
        return self.annotate(
            shown_name=Case(When(_name_is_told(user), then=F("display_name")), default=F("neutral_name"))
        )

    def called(self, text: str, user: "User") -> Self:
        """In whose name, as this person reads it, the text occurs. A hit on the full name would tell what it says."""
        return self.filter(name_contains(text, user))

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
        """Incidents of which this person may see everything, also of what was done for them on devices that no alert
        names: a report tells the whole story or none of it."""
        seen = self.visible_to(user)
        if user.scope.everything:
            return seen
        wholly = seen.filter(device_group_ids__contained_by=sorted(user.scope.group_ids))
        devices: Any = apps.get_model("incidents", "Device")._default_manager.all()
        for keys in beyond(devices.visible_to(user)):
            wholly = wholly.exclude(pk__in=keys)
        return wholly

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

    def ownerless(self) -> "models.QuerySet[Incident, Any]":
        """Keys of those that nobody looks after, to be counted: either half is read from its own index, while
        `OWNERLESS` as one condition looks at every row."""
        nobody, switched_off = self.filter(assigned_to=None), self.filter(assigned_to__is_active=False)
        return nobody.values("pk").union(switched_off.values("pk"), all=True)

    def known_words(self, column: str, most: int = 60) -> list[str]:
        """The words of an array column that occur in these rows, for suggestions."""
        word = models.Func(models.F(column), function="unnest", output_field=models.TextField())
        words = self.order_by().annotate(word=word).values_list("word", flat=True)
        return sorted(set(words.distinct()[:most]), key=str.casefold)
