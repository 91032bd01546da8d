"""What is typed into a shell: each part signed by the portal for this shell and this place, so that the half without
rights can keep back what somebody typed, and can type nothing itself."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MOST_TYPED = 8_192
MOST_CELLS = 1_000


class BadTyping(Exception):
    """It is not the portal's, or no input."""


@dataclass(frozen=True, slots=True)
class Typed:
    """`data` for the shell, or a new size of the terminal."""

    seq: int
    data: str = ""
    columns: int = 0
    rows: int = 0


class Keyboard:
    """Takes each part once and in order."""

    def __init__(self, shell: str, key: str) -> None:
        """`shell` is the id of the command that opened it. Raises `BadTyping`."""
        self._shell, self.taken = shell, 0
        try:
            self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        except (binascii.Error, ValueError):
            raise BadTyping("A shell has the key of who types.") from None

    def take(self, parts: object) -> list[Typed]:
        """What is next, up to the first that is missing. Raises `BadTyping`."""
        found = []
        for part in parts if isinstance(parts, list) else []:
            typed = self._read(part)
            if typed.seq == self.taken + 1:
                self.taken = typed.seq
                found.append(typed)
        return found

    def _read(self, part: Any) -> Typed:
        try:
            body, signature = str(part["body"]), base64.b64decode(str(part["signature"]), validate=True)
            self._key.verify(signature, signed_text(self._shell, body))
            told = json.loads(body)
            seq, data, size = told["seq"], told.get("data", ""), (told.get("columns", 0), told.get("rows", 0))
        except (InvalidSignature, binascii.Error, ValueError, KeyError, TypeError, AttributeError):
            raise BadTyping("What came as input is not the portal's.") from None
        if not all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in (seq, *size)):
            raise BadTyping("Input has a place.")
        if not isinstance(data, str) or len(data) > MOST_TYPED or max(size) > MOST_CELLS:
            raise BadTyping("Input is larger than any.")
        return Typed(seq, data, *size)


def signed_text(shell: str, body: str) -> bytes:
    return f"live.shell {shell}\n{body}".encode()
