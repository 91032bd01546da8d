"""Who may read the thing a message is about. Rooms answer for their own kinds of subject, registered at `ready()`.

A subject looks like `incident:42`. It is asked when a message is routed, again when it is delivered, and again when a
notice is shown: what somebody may read changes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from accounts.models import User

MayRead = Callable[[User, int], bool]
Words = Callable[[User, int], str]
Readable = Callable[[User, Iterable[int]], set[int]]
MayLeave = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Audience:
    may_read: MayRead
    words: Words | None = None
    readable: Readable | None = None
    may_leave: MayLeave | None = None


_registered: dict[str, Audience] = {}


def register_audience(
    kind: str,
    may_read: MayRead,
    *,
    words: Words | None = None,
    readable: Readable | None = None,
    may_leave: MayLeave | None = None,
) -> None:
    """Answer for subjects `kind:<number>`.

    `may_read(user, pk)` decides. `words(user, pk)` names the thing as far as this person may read it, for people who
    see only a part of it. `readable(user, pks)` decides for many at once; without it each is asked by itself.
    `may_leave(pk)` decides whether mailing lists, webhooks and chats may be told at all; without it they may.
    """
    if kind in _registered:
        raise LookupError(f"The audience of {kind!r} is registered twice.")
    _registered[kind] = Audience(may_read, words, readable, may_leave)


def _parts(subject: str) -> tuple[Audience, int] | None:
    kind, _, number = subject.partition(":")
    audience = _registered.get(kind)
    if audience is None or not number.isdecimal():
        return None
    return audience, int(number)


def may_read(user: User, subject: str, groups: list[int] | None = None) -> bool:
    """Whether the subject's room lets this person read it; of a subject that no room answers for, the device groups
    decide."""
    found = _parts(subject)
    return user.scope.meets(groups) if found is None else found[0].may_read(user, found[1])


def may_leave(subject: str) -> bool:
    """Whether recipients without an account may be told of it, as far as whoever made the rule may read it."""
    found = _parts(subject)
    return found is None or found[0].may_leave is None or found[0].may_leave(found[1])


def words_for(user: User, subject: str) -> str:
    """The thing's name as this person may read it; empty where its room has no such words."""
    found = _parts(subject)
    return found[0].words(user, found[1]) if found and found[0].words else ""


def readable_subjects(user: User, subjects: Iterable[str]) -> set[str]:
    """Which of the subjects this person may read, with one question per kind where the room can answer so."""
    allowed: set[str] = set()
    together: dict[str, set[int]] = {}
    for subject in set(subjects):
        kind, _, number = subject.partition(":")
        audience = _registered.get(kind)
        if audience is not None and audience.readable is not None and number.isdecimal():
            together.setdefault(kind, set()).add(int(number))
        elif may_read(user, subject):
            allowed.add(subject)
    for kind, numbers in together.items():
        answer = _registered[kind].readable
        assert answer is not None  # noqa: S101 - gathered only where it is there
        allowed.update(f"{kind}:{number}" for number in answer(user, numbers))
    return allowed
