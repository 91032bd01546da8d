"""Files kept by the portal: encrypted at rest, bounded, with retention."""

import hashlib
from datetime import timedelta

from django.core.exceptions import ValidationError

from core import clock
from core.encryption import decrypt, encrypt
from core.models import Blob

MAX_BYTES = 64 * 1024 * 1024


def keep(content: bytes, *, name: str, media_type: str, for_days: int | None = None) -> Blob:
    """Store `content` (at most 64 MB) and return its row; `for_days` None keeps it until it is deleted."""
    if len(content) > MAX_BYTES:
        raise ValidationError(f"A file of {len(content):,} bytes is over the limit of {MAX_BYTES:,}.")
    return Blob.objects.create(
        name=name[:255],
        media_type=media_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        ciphertext=encrypt(content),
        keep_until=None if for_days is None else clock.now() + timedelta(days=for_days),
    )


def read(blob: Blob) -> bytes:
    """The content; raises `encryption.Unreadable` when it was tampered with or its key is gone."""
    return decrypt(bytes(blob.ciphertext))


def forget_expired() -> int:
    """Delete what its retention has ended."""
    count, _ = Blob.objects.filter(keep_until__lt=clock.now()).delete()
    return count
