"""The audit log as a person may read it. Its rows know no device group, so it is for people who see all of them; what
is kept to named people is left out for the others."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts import keys
from accounts.models import ApiToken, User
from core.actors import ActorKind
from core.models import AuditEvent

# So many events are looked through for suggestions, and so many subjects are suggested.
NEWEST, SUBJECTS = 1_000, 40
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
    kind: str = "",
    verb: str = "",
    subject: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEvent]:
    """Narrowed by part of a name or user name, a kind of actor, what was done, a subject or thread, and times."""
    if actor:
        people = User.objects.filter(Q(username__icontains=actor) | Q(display_name__icontains=actor))
        events = events.filter(by_people(people[:100]) | by_system(actor) | Q(actor_id=actor))
    if kind:
        events = events.filter(actor_kind=kind)
    if verb:
        events = events.filter(verb__contains=as_verb(verb))
    if subject:
        subject = as_subject(subject)
        events = events.filter(Q(subject=subject) | Q(thread=subject))
    if since:
        events = events.filter(at__gte=since)
    return events.filter(at__lte=until) if until else events


def as_verb(text: str) -> str:
    """What is stored for the words of a row, or for a part of them: `User: signed in` is `user.signed_in`."""
    return re.sub(r"\s+", "_", re.sub(r"\s*:\s*", ".", text.strip().lower()))


def as_subject(text: str) -> str:
    """`INC-42` and `incident 42` are `incident:42`; everything else is taken as it is."""
    text = text.strip()
    if match := re.fullmatch(r"INC-(\d+)", text, re.IGNORECASE):
        return f"incident:{match[1]}"
    if match := re.fullmatch(r"([A-Za-z_]+)\s+(\S+)", text):
        return f"{match[1].lower()}:{match[2]}"
    return text


def suggestions(user: User) -> dict[str, list[str]]:
    """Words for the filters, from the newest events that this person may read."""
    newest = visible_to(user).order_by("-at", "-id")
    rows = list(newest.values_list("verb", "subject", "actor_name")[:NEWEST])
    return {
        "verbs": sorted({in_words(verb) for verb, _subject, _name in rows}),
        "subjects": list(dict.fromkeys(subject for _verb, subject, _name in rows))[:SUBJECTS],
        "actors": sorted({name for _verb, _subject, name in rows}),
    }


def in_words(verb: str) -> str:
    """`user.sign_in_failed` is `User: sign in failed`."""
    subject, _, deed = verb.replace("_", " ").partition(".")
    return f"{subject.capitalize()}: {deed}" if deed else subject.capitalize()


def by_people(people: QuerySet[User]) -> Q:
    """Events of these people and of their tokens. The names themselves lie sealed in the history."""
    keys = list(people.values_list("pk", flat=True))
    tokens = ApiToken.objects.filter(user__in=keys).values_list("pk", flat=True)
    return Q(actor_kind=ActorKind.PERSON, actor_id__in=[str(pk) for pk in keys]) | Q(
        actor_kind=ActorKind.TOKEN, actor_id__in=[str(pk) for pk in tokens]
    )


def by_system(name: str) -> Q:
    return Q(actor_kind=ActorKind.SYSTEM, actor_name__icontains=name)
