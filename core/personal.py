"""Names of people in the history, kept so that a person can be forgotten and the history stays as it was written.

A name goes into an audit event sealed under a key of that person (`name:1:user:17:...`); whoever reads the event reads
the name. Erasing the person throws the key away: no event changes, the chain over them stays whole, and where the name
stood there is `Erased person 17`. What the room keeps of the key is the row of the person; the room tells how to read
it (`source`).
"""

import base64
import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PREFIX = "name:1:"
# For so long a process may still read a name after another has erased the person.
KEPT_S = 60.0
LONGEST = 255
_PURPOSE = b"names in the history, version 1"

# The keys of some people by their id, given the one that is asked for; a person without a key was erased.
Source = Callable[[int], Mapping[int, uuid.UUID | None]]
_sources: dict[str, Source] = {}
_known: dict[str, tuple[uuid.UUID | None, float]] = {}


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name (or user name, or address) to be put into an audit event, alone or inside its JSON."""

    kind: str
    id: int
    text: str
    key: uuid.UUID | None = None

    @property
    def sealed(self) -> str:
        """The same text under the same key gives the same words, so that equal stays equal."""
        key = self.key or key_of(self.kind, self.id)
        if key is None:
            return gone(self.kind, self.id)
        _known[f"{self.kind}:{self.id}"] = (key, time.monotonic())
        cipher = _box(key).encrypt(self.text[:LONGEST].encode(), [_bound(self.kind, self.id)])
        return f"{PREFIX}{self.kind}:{self.id}:{base64.urlsafe_b64encode(cipher).decode()}"


def in_history(kind: str, id: int, text: str) -> Name | str:  # noqa: A002 - as the columns are called
    """What the history calls a thing: sealed when it is a person's, plain when it is not."""
    return Name(kind, id, text) if kind in _sources else text


def source(kind: str, read: Source) -> None:
    """Tell where the keys of a kind of person are."""
    if kind in _sources:
        raise LookupError(f"Where the keys of {kind} are is already said.")
    _sources[kind] = read


def key_of(kind: str, person: int) -> uuid.UUID | None:
    word = f"{kind}:{person}"
    known = _known.get(word)
    if known is None or known[1] + KEPT_S < time.monotonic():
        found, now = _sources[kind](person) if kind in _sources else {}, time.monotonic()
        _known.update({f"{kind}:{one}": (key, now) for one, key in found.items()})
        known = _known[word] = (found.get(person), now)
    return known[0]


def forget_key(kind: str, person: int) -> None:
    """This process reads no name of the person any more; others follow within a minute."""
    _known[f"{kind}:{person}"] = (None, time.monotonic())


def gone(kind: str, person: int) -> str:
    """What stands where the name of an erased person stood."""
    return f"Erased {'person' if kind == 'user' else kind} {person}"


def opened(text: str) -> str:
    """The name in a sealed text, what stands for it when the person was erased, and any other text as it is."""
    if not text.startswith(PREFIX):
        return text
    kind, _, rest = text.removeprefix(PREFIX).partition(":")
    number, _, cipher = rest.partition(":")
    if kind not in _sources or not (number.isascii() and number.isdigit() and len(number) < 19):
        return text
    key = key_of(kind, int(number))
    if key is None:
        return gone(kind, int(number))
    try:
        return _box(key).decrypt(base64.urlsafe_b64decode(cipher), [_bound(kind, int(number))]).decode()
    except (InvalidTag, ValueError):
        return text  # somebody wrote words that look like ours


def all_opened(value: Any) -> Any:
    """The same JSON with every sealed name in it opened."""
    if isinstance(value, str):
        return opened(value)
    if isinstance(value, list):
        return [all_opened(item) for item in value]
    if isinstance(value, dict):
        return {key: all_opened(item) for key, item in value.items()}
    return value


def _box(key: uuid.UUID) -> AESSIV:
    return AESSIV(hashlib.sha512(_PURPOSE + key.bytes).digest())


def _bound(kind: str, person: int) -> bytes:
    """A sealed name is of one person and cannot be passed off as another's."""
    return f"{kind}:{person}".encode()
