"""Whom the device believes: one root key, pinned at enrolment, and the signing keys that it vouches for.

The root key stays off the portal; it signs a list of keys with a version that only grows. The helper believes no key
that is not on the newest list it has seen, so neither the network half nor the portal's database can make an order.
"""

import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from soc_agent.envelope import BadEnvelope, open_envelope
from soc_agent.identity import fingerprint

KEYS = "application/vnd.soc-agent.keys+json"
MOST_KEYS = 16


@dataclass(frozen=True, slots=True)
class Trust:
    """`keys` are those that may sign orders now, by id."""

    root: Ed25519PublicKey
    version: int = 0
    keys: Mapping[str, Ed25519PublicKey] = field(default_factory=dict)
    envelope: str = ""

    def with_keys(self, envelope: object, *, now: float | None = None) -> "Trust":
        """This trust with the list in the envelope; itself when the list is not newer. Raises `BadEnvelope` when the
        root has not signed it."""
        opened = open_envelope(envelope, {fingerprint(self.root): self.root}, payload_type=KEYS)
        value = opened.as_json()
        version = value.get("version")
        if not isinstance(version, int) or isinstance(version, bool):
            raise BadEnvelope("A list of keys has a version.")
        if version <= self.version:
            return self
        moment = time.time() if now is None else now
        return Trust(self.root, version, dict(_keys_of(value, moment)), json.dumps(envelope))


def public_key(text: object) -> Ed25519PublicKey:
    """From its 32 bytes in Base64; raises `BadEnvelope`."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(str(text), validate=True))
    except (binascii.Error, ValueError):
        raise BadEnvelope("That is no public key.") from None


def _keys_of(value: Mapping[str, Any], now: float) -> list[tuple[str, Ed25519PublicKey]]:
    listed = value.get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise BadEnvelope("A list of keys has keys.")
    found = []
    for entry in listed:
        until = entry.get("not_after") if isinstance(entry, dict) else None
        if not isinstance(until, int | float) or isinstance(until, bool):
            raise BadEnvelope("A key has an end.")
        if now <= until:
            key = public_key(entry.get("key"))
            found.append((fingerprint(key), key))
    return found
