"""`Idempotency-Key`: the same key with the same body answers what the first answered."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from core import clock
from core.models import IdempotencyRecord

KEPT = timedelta(days=1)
IN_FLIGHT = timedelta(minutes=2)


class KeyReused(Exception):
    """The key was used before with another body."""


class StillRunning(Exception):
    """The first request with this key has not finished."""


@dataclass(frozen=True, slots=True)
class Remembered:
    status: int
    response: Any


def begin(*, principal: str, path: str, key: str, body: bytes) -> IdempotencyRecord | Remembered:
    """Claim the key: a record to `finish()`, or the remembered first answer."""
    digest = hashlib.sha256(body).hexdigest()
    with transaction.atomic():
        record, created = IdempotencyRecord.objects.select_for_update().get_or_create(
            principal=principal, path=path, key=key, defaults={"body_sha256": digest}
        )
        if created:
            return record
        if record.body_sha256 != digest:
            raise KeyReused
        if record.status is not None:
            return Remembered(record.status, record.response)
        if record.created > clock.real_now() - IN_FLIGHT:
            raise StillRunning
        record.created = clock.real_now()
        record.save(update_fields=["created"])
        return record


def finish(record: IdempotencyRecord, *, status: int, response: Any) -> None:
    """Remember the first answer; an error is forgotten so that the client may try again."""
    if status >= 400:
        record.delete()
    else:
        IdempotencyRecord.objects.filter(pk=record.pk).update(status=status, response=response)


def forget_old() -> int:
    count, _ = IdempotencyRecord.objects.filter(created__lt=clock.real_now() - KEPT).delete()
    return count
