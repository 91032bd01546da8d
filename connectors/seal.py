"""The seal of an order: that the portal itself gave it, and to what. A row written or changed behind its back is never
handed over.

HMAC-SHA256 under a key derived from the encryption keys; the first one seals, every one verifies.
"""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any, Protocol

from django.conf import settings

_PURPOSE = b"order seal, version 2"
_OF_RELEASE = b"release code seal, version 1"


class Sealed(Protocol):
    """What of a delivery says who does what to which remote object, and within which time."""

    idempotency_key: str
    reference: str
    connection_id: int
    action: str
    target_kind: str
    remote_id: str
    arguments: Any
    reverses: Any
    give_up_at: datetime
    start_s: int
    run_s: int
    seal: str


def seal_of(order: Sealed) -> str:
    """64 hex digits."""
    return _seal(settings.ENCRYPTION_KEYS[0], order)


def seal_fits(order: Sealed) -> bool:
    """Whether it was made for exactly this, under any key still configured."""
    return any(hmac.compare_digest(order.seal, _seal(key, order)) for key in settings.ENCRYPTION_KEYS)


def release_seal(told: Any) -> str:
    """64 hex digits over what an administrator decided about a release code."""
    return _over(settings.ENCRYPTION_KEYS[0], _OF_RELEASE, told)


def release_seal_fits(told: Any, seal: str) -> bool:
    return any(hmac.compare_digest(seal, _over(key, _OF_RELEASE, told)) for key in settings.ENCRYPTION_KEYS)


def _seal(secret: str, order: Sealed) -> str:
    told = [
        order.idempotency_key, order.reference, order.connection_id, order.action, order.target_kind, order.remote_id,
        order.arguments, order.reverses, order.give_up_at.astimezone(UTC).isoformat(), order.start_s, order.run_s,
    ]  # fmt: skip
    return _over(secret, _PURPOSE, told)


def _over(secret: str, purpose: bytes, told: Any) -> str:
    key = hmac.digest(secret.encode(), purpose, hashlib.sha256)
    return hmac.new(key, json.dumps(told, sort_keys=True, separators=(",", ":")).encode(), hashlib.sha256).hexdigest()
