"""Letters of a later room: their words are not news from the portal but what somebody wrote to somebody outside.

They go the way of every mail, with its tries and its log. The room is registered for a kind of row at `ready()`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from connectors.outbound.mail import Letter
from core import jobs
from notifications.models import Dispatch
from notifications.services.route import SEND


class NotForThem(Exception):
    """Nobody who would get it may read it any more; the text says why."""


@dataclass(frozen=True, slots=True)
class Writer:
    """`compose` writes the words when the letter leaves, or raises `NotForThem`; `ended` hears what came of it, in the
    transaction of that."""

    compose: Callable[[Dispatch, int], Letter]
    ended: Callable[[Dispatch, int], None]


_writers: dict[str, Writer] = {}


def register_letters(
    kind: str, *, compose: Callable[[Dispatch, int], Letter], ended: Callable[[Dispatch, int], None]
) -> None:
    """Answer for letters `kind:<number>`."""
    if kind in _writers:
        raise LookupError(f"The letters of {kind!r} are registered twice.")
    _writers[kind] = Writer(compose, ended)


def order_letter(subject: str, *, address: str) -> Dispatch:
    """Put a letter on its way, in the transaction of what it tells."""
    _found(subject)
    dispatch = Dispatch.objects.create(letter=subject, address=address)
    jobs.wake(SEND)
    return dispatch


def write_letter(dispatch: Dispatch) -> Letter:
    writer, number = _found(dispatch.letter)
    return writer.compose(dispatch, number)


def letter_ended(dispatch: Dispatch) -> None:
    if dispatch.letter:
        writer, number = _found(dispatch.letter)
        writer.ended(dispatch, number)


def _found(subject: str) -> tuple[Writer, int]:
    kind, _, number = subject.partition(":")
    return _writers[kind], int(number)
