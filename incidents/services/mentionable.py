"""Whom a comment on an incident may mention: people who can open it. Nobody else would hear of it."""

from django.db.models import Q

from accounts.enums import UserKind
from accounts.models import User
from incidents.models import Incident

MOST, LOOKED_AT, LONGEST = 8, 60, 80


def mentionable(incident: Incident, begun: str) -> list[User]:
    """At most eight people whose user name, or a part of whose name, begins so."""
    text = begun.strip()[:LONGEST].replace("\x00", "")
    people = User.objects.filter(is_active=True, kind=UserKind.PERSON).prefetch_related("roles")
    if text:
        people = people.filter(
            Q(username__istartswith=text) | Q(display_name__istartswith=text) | Q(display_name__icontains=f" {text}")
        )
    found: list[User] = []
    for person in people.order_by("username")[:LOOKED_AT]:
        if Incident.objects.visible_to(person).filter(pk=incident.pk).exists():
            found.append(person)
        if len(found) == MOST:
            break
    return found
