"""The seal on a decision: proof that the portal itself recorded it, so that a row changed behind its back does not run.

HMAC-SHA256 under a key derived from the encryption keys; the first one seals, every one verifies.
"""

import hashlib
import hmac
import json

from django.conf import settings

_PURPOSE = b"decision seal, version 1"


def seal_decision(*, run_id: int, digest: str, person_id: int | None, decision: str) -> str:
    """The seal of one decision of one person on one run with exactly these arguments; 64 hex digits."""
    return _seal(settings.ENCRYPTION_KEYS[0], run_id, digest, person_id, decision)


def seal_fits(seal: str, *, run_id: int, digest: str, person_id: int | None, decision: str) -> bool:
    """Whether the seal was made for exactly this, under any key still configured."""
    wanted = (_seal(key, run_id, digest, person_id, decision) for key in settings.ENCRYPTION_KEYS)
    return any(hmac.compare_digest(seal, one) for one in wanted)


def _seal(secret: str, run_id: int, digest: str, person_id: int | None, decision: str) -> str:
    key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
    message = json.dumps([run_id, digest, person_id, decision], separators=(",", ":")).encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()
