"""The audit log as a person may read it. Its rows know no device group, so it is for people who see all of them; what
is kept to named people is left out for the others."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts import keys
from accounts.models import User
from core.models import AuditEvent

# Rows of one column: the words (`incident:42`) of what is kept from a person.
Withheld = Callable[[User], QuerySet[Any, Any]]
_withheld: list[Withheld] = []


def withhold(words_for: Withheld) -> None:
    """Keep events of these threads, and about these subjects, from a person; a later room says so at the start."""
    _withheld.append(words_for)


def visible_to(user: User) -> QuerySet[AuditEvent]:
    """The events that somebody may read who holds the right and sees all device groups; nothing for anybody else."""
    if not (user.holds(keys.READ_AUDIT) and user.scope.everything):
        return AuditEvent.objects.none()
    events = AuditEvent.objects.all()
    for words_for in _withheld:
        hidden = words_for(user)
        events = events.exclude(Q(thread__in=hidden) | Q(subject__in=hidden))
    return events


def leaves_out(user: User) -> bool:
    """Whether anything is kept from this person, so that the page can say so."""
    return any(words_for(user).exists() for words_for in _withheld)


def matching(
    events: QuerySet[AuditEvent],
    *,
    actor: str = "",
    verb: str = "",
    subject: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEvent]:
    """Narrowed by part of a name, the beginning of a verb, a subject or thread, and times."""
    if actor:
        events = events.filter(Q(actor_name__icontains=actor) | Q(actor_id=actor))
    if verb:
        events = events.filter(verb__startswith=verb)
    if subject:
        events = events.filter(Q(subject=subject) | Q(thread=subject))
    if since:
        events = events.filter(at__gte=since)
    return events.filter(at__lte=until) if until else events


def in_words(verb: str) -> str:
    """`user.sign_in_failed` is `User: sign in failed`."""
    subject, _, deed = verb.replace("_", " ").partition(".")
    return f"{subject.capitalize()}: {deed}" if deed else subject.capitalize()
