"""`Idempotency-Key`: the same key with the same body answers what the first answered.

A request holds its key by an advisory lock of the transaction that also makes its effect and remembers its answer. So
the three stand or fall together, and the key of a process that was killed is free as soon as the database has noticed:
nothing has to expire. A transaction's lock also holds behind a pooler that shares connections between transactions.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection

from core import clock
from core.models import IdempotencyRecord

KEPT = timedelta(days=1)


class KeyReused(Exception):
    """The key was used before with another body."""


class StillRunning(Exception):
    """The first request with this key has not finished."""


@dataclass(frozen=True, slots=True)
class Remembered:
    status: int
    response: Any


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that is held until the transaction ends."""

    principal: str
    path: str
    key: str
    body_sha256: str


def begin(*, principal: str, path: str, key: str, body: bytes) -> Claim | Remembered:
    """Hold the key, to `finish()` in the same transaction; or the remembered first answer."""
    if not connection.in_atomic_block:
        raise RuntimeError("A key is held by the transaction of the effect that it stands for.")
    digest = hashlib.sha256(body).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_number(principal, path, key)])
        if not cursor.fetchone()[0]:
            raise StillRunning
    first = IdempotencyRecord.objects.filter(principal=principal, path=path, key=key).first()
    if first is None:
        return Claim(principal, path, key, digest)
    if first.body_sha256 != digest:
        raise KeyReused
    return Remembered(first.status, first.response)


def _number(*parts: str) -> int:
    """The lock of a key: 64 bits of its hash, so that two keys meet about never, and then one of them only waits."""
    digest = hashlib.blake2b("\x00".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def finish(claim: Claim, *, status: int, response: Any) -> None:
    """Remember the first answer. An error is not remembered, so that the client may try again."""
    IdempotencyRecord.objects.create(
        principal=claim.principal, path=claim.path, key=claim.key, body_sha256=claim.body_sha256,
        status=status, response=response,
    )  # fmt: skip


def forget_old() -> int:
    count, _ = IdempotencyRecord.objects.filter(created__lt=clock.real_now() - KEPT).delete()
    return count
