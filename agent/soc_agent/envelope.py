"""Signed envelopes as DSSE describes them: the very bytes are signed, so nothing needs a canonical form.

https://github.com/secure-systems-lab/dsse/blob/master/envelope.md
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

# What one envelope may hold at most; a list of 15,000 indicators fits.
MAX_PAYLOAD = 8 * 1024 * 1024
MAX_SIGNATURES = 8


class BadEnvelope(Exception):
    """Not an envelope, or none that a known key has signed. The message is for people and holds no secret."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What was signed, and by which keys."""

    payload_type: str
    payload: bytes
    key_ids: frozenset[str]

    def as_json(self) -> dict[str, Any]:
        try:
            value = json.loads(self.payload)
        except (ValueError, RecursionError):
            raise BadEnvelope("What was signed is no JSON.") from None
        if not isinstance(value, dict):
            raise BadEnvelope("What was signed is no JSON object.")
        return value


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: type and payload with their lengths."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload_type: str, payload: bytes, keys: Mapping[str, Ed25519PrivateKey]) -> dict[str, Any]:
    """The envelope as JSON; `keys` are those that sign, by their ids."""
    to_sign = signed_bytes(payload_type, payload)
    return {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {"keyid": name, "sig": base64.b64encode(key.sign(to_sign)).decode()} for name, key in keys.items()
        ],
    }


def open_envelope(
    envelope: object, keys: Mapping[str, Ed25519PublicKey], *, payload_type: str, threshold: int = 1
) -> Opened:
    """What is inside, when it is of that type and `threshold` different known keys have signed it; raises
    `BadEnvelope` otherwise. Signatures by unknown keys count for nothing and do no harm."""
    kind, payload, signatures = _parts(envelope)
    if kind != payload_type:
        raise BadEnvelope("The envelope holds something else than what was asked for.")
    to_check = signed_bytes(kind, payload)
    good = {name for name, signature in signatures if name in keys and _is_by(keys[name], signature, to_check)}
    if len(good) < max(1, threshold):
        raise BadEnvelope("No known key has signed it." if not good else "Too few keys have signed it.")
    return Opened(kind, payload, frozenset(good))


def _parts(envelope: object) -> tuple[str, bytes, list[tuple[str, bytes]]]:
    if not isinstance(envelope, dict):
        raise BadEnvelope("An envelope is a JSON object.")
    kind, payload, signatures = (envelope.get(name) for name in ("payloadType", "payload", "signatures"))
    if not isinstance(kind, str) or not isinstance(payload, str) or not isinstance(signatures, list):
        raise BadEnvelope("An envelope has payloadType, payload and signatures.")
    if len(payload) > MAX_PAYLOAD * 4 // 3 + 4 or len(signatures) > MAX_SIGNATURES:
        raise BadEnvelope("The envelope is larger than any order.")
    found = [
        (entry["keyid"], _decoded(entry["sig"])) for entry in signatures
        if isinstance(entry, dict) and isinstance(entry.get("keyid"), str) and isinstance(entry.get("sig"), str)
    ]  # fmt: skip
    return kind, _decoded(payload), found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadEnvelope("The envelope is not in Base64.") from None


def _is_by(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True
