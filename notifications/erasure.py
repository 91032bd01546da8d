"""What was told names people; whoever is erased is named no more in what is kept of it, and nobody writes to them."""

from collections.abc import Sequence
from typing import Any

from core import erasure
from notifications.models import (
    DigestItem,
    Dispatch,
    DispatchAttempt,
    Endpoint,
    Listening,
    Message,
    Notice,
    Preference,
    Rule,
    RuleRecipient,
    Watch,
)

KINDS = ("user", "identity", "mailbox")
TOLD: tuple[tuple[Any, Sequence[str]], ...] = ((Message, ("title", "body", "facts")), (Notice, ("title", "body")))
WRITTEN: tuple[tuple[Any, Sequence[str]], ...] = (
    (Rule, ("name", "description")),
    (Endpoint, ("name", "last_said")),
    (Dispatch, ("said",)),
    (DispatchAttempt, ("said",)),
)
THEIR_OWN: tuple[Any, ...] = (DigestItem, Notice, Preference, Listening, Watch)


def declare_parts() -> None:
    for kind in KINDS:
        erasure.part(kind, "messages", _messages)
    erasure.part("user", "words of notification rules and deliveries", _words)
    erasure.part("user", "own notices and choices", _own)
    erasure.part("user", "recipients", _recipients)


def _messages(person: erasure.Person) -> int:
    return sum(erasure.scrub_naming(model, columns, person) for model, columns in TOLD)


def _words(person: erasure.Person) -> int:
    return sum(erasure.scrub_naming(model, columns, person) for model, columns in WRITTEN)


def _own(person: erasure.Person) -> int:
    """What this person was told and how they wanted to be told; rules of theirs that tell others are switched off."""
    gone: int = sum(model.objects.filter(user=person.id).delete()[0] for model in THEIR_OWN)
    gone += Rule.objects.filter(author=person.id, personal=True).delete()[0]
    return gone + Rule.objects.filter(author=person.id, enabled=True).update(enabled=False)


def _recipients(person: erasure.Person) -> int:
    """As a person, and under a mail address that was typed into a rule."""
    gone = RuleRecipient.objects.filter(user=person.id).delete()[0]
    for word in (word for word in person.words if "@" in word):
        gone += RuleRecipient.objects.filter(address__iexact=word).delete()[0]
        gone += Dispatch.objects.filter(address__iexact=word).update(address="")
    return gone
