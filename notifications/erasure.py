"""What was told names people; in what is kept of it somebody who is erased is named no more."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from core import erasure
from notifications.models import Message, Notice

KINDS = ("user", "identity", "mailbox")
TOLD: tuple[tuple[Any, Sequence[str]], ...] = ((Message, ("title", "body", "facts")), (Notice, ("title", "body")))


def declare_parts() -> None:
    for kind in KINDS:
        erasure.part(kind, "messages", _messages)


def _messages(person: erasure.Person) -> int:
    return sum(_scrub(model, columns, person) for model, columns in TOLD)


def _scrub(model: Any, columns: Sequence[str], person: erasure.Person) -> int:
    naming = Q()
    for word in person.words:
        for column in columns:
            naming |= Q(**{f"{column}__icontains": word})
    return erasure.scrub(model.objects.filter(naming), columns, person) if naming else 0
