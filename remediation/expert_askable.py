"""Whom a person may put a question to, for the dialog and for the API."""

from accounts import keys
from accounts.models import User
from remediation.models import ExpertGroup, Retainer

MOST_PEOPLE = 200


def askable_groups() -> list[ExpertGroup]:
    rows = ExpertGroup.objects.filter(retired=False, members__is_active=True)
    return list(rows.distinct().order_by("name"))


def askable_people(user: User) -> list[User]:
    people = User.objects.filter(is_active=True).exclude(pk=user.pk).prefetch_related("roles")
    return [one for one in people.order_by("display_name", "username")[:MOST_PEOPLE] if one.holds(keys.READ)]


def askable_retainers() -> list[Retainer]:
    return list(Retainer.objects.filter(active=True))
