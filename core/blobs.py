"""Files kept by the portal: encrypted at rest, bounded, with retention."""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Protocol

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.signals import post_delete
from django.dispatch import receiver

from core import clock, content_files
from core.blobs_folder import BACKUP_LOCK
from core.encryption import decrypt, encrypt
from core.models import Blob

# Larger contents lie in files, and those above the other limit never pass through memory as a whole.
SMALL = 1024 * 1024
MAX_BYTES = 64 * 1024 * 1024
BATCH = 200
CONTENT = "content of a file"
UNKNOWN_AFTER = timedelta(days=1)
_keepers: list[Callable[[QuerySet[Blob]], QuerySet[Blob]]] = []
_told: list[Callable[[Sequence[int]], None]] = []
_claims: list[Callable[[], Iterable[str]]] = []


def keep(content: bytes, *, name: str, media_type: str, for_days: int | None = None) -> Blob:
    """Store `content` (at most 64 MB) and return its row; `for_days` None keeps it until it is deleted."""
    if len(content) > MAX_BYTES:
        raise _too_large(MAX_BYTES)
    return keep_from(io.BytesIO(content), limit=MAX_BYTES, name=name, media_type=media_type, for_days=for_days)


def keep_from(
    source: content_files.Source, *, limit: int, name: str, media_type: str, for_days: int | None = None
) -> Blob:
    """The same of something that is read piece by piece, of at most `limit` bytes. Raises `ValidationError`."""
    beginning = _beginning(source)
    values = _values(name=name, media_type=media_type, for_days=for_days)
    if len(beginning) > limit:
        raise _too_large(limit)
    if len(beginning) <= SMALL:
        digest = hashlib.sha256(beginning).hexdigest()
        return Blob.objects.create(size=len(beginning), sha256=digest, ciphertext=encrypt(beginning, CONTENT), **values)
    try:
        written = content_files.write(_Joined(beginning, source), limit=limit)
    except content_files.NoRoom as error:
        raise ValidationError(str(error)) from None
    if written is None:
        raise _too_large(limit)
    return keep_written(written, name=name, media_type=media_type, for_days=for_days)


def keep_written(written: content_files.Written, *, name: str, media_type: str, for_days: int | None = None) -> Blob:
    """A row for a file that was written already; it belongs to the row from now on."""
    values = _values(name=name, media_type=media_type, for_days=for_days)
    return Blob.objects.create(
        size=written.size, sha256=written.sha256, ciphertext=written.key, place=written.place, **values
    )


def copy(blob: Blob, *, name: str, media_type: str, for_days: int | None = None) -> Blob:
    """A second row with the same content and a time of its own; nothing of it passes through memory when it is large.
    Raises `Unreadable` when it is gone."""
    if not blob.place:
        return keep(read(blob), name=name, media_type=media_type, for_days=for_days)
    place = content_files.again(blob.place)
    written = content_files.Written(place, bytes(blob.ciphertext), blob.size, blob.sha256)
    return keep_written(written, name=name, media_type=media_type, for_days=for_days)


def read(blob: Blob) -> bytes:
    """The content of a file that fits into memory; raises `encryption.Unreadable` when it was tampered with or its key
    is gone, and `TooLarge` for one that has to be read with `opened`."""
    if not blob.place:
        return decrypt(bytes(blob.ciphertext), CONTENT)
    if blob.size > MAX_BYTES:
        raise TooLarge(f"{blob.name} has {blob.size:,} bytes.")
    with opened(blob) as file:
        return file.read(MAX_BYTES)


def opened(blob: Blob) -> IO[bytes]:
    """The content for reading from any place in it, in bounded memory; to be closed. Raises as `read` does, and while
    it is read too."""
    if not blob.place:
        return io.BytesIO(decrypt(bytes(blob.ciphertext), CONTENT))
    return content_files.opened(blob.place, bytes(blob.ciphertext))


def pieces(blob: Blob) -> Iterator[bytes]:
    """The content, a mebibyte at a time."""
    with opened(blob) as file:
        while part := file.read(content_files.CHUNK):
            yield part


class TooLarge(Exception):
    """It does not fit into memory."""


class Given(Protocol):
    """A content that somebody brings and that is not kept yet."""

    @property
    def size(self) -> int: ...

    def read(self) -> bytes:
        """Raises `TooLarge`."""

    def keep(self, *, name: str, media_type: str, for_days: int | None = None) -> Blob:
        """Raises `ValidationError`, and `Unreadable` when it is gone meanwhile."""


@dataclass(frozen=True, slots=True)
class InMemory:
    """The simplest one."""

    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self) -> bytes:
        return self.content

    def keep(self, *, name: str, media_type: str, for_days: int | None = None) -> Blob:
        return keep(self.content, name=name, media_type=media_type, for_days=for_days)


@dataclass(slots=True)
class _Joined:
    """What was read of a source already, and the rest of it."""

    beginning: bytes
    rest: content_files.Source

    def read(self, size: int, /) -> bytes:
        if self.beginning:
            part, self.beginning = self.beginning[:size], self.beginning[size:]
            return part
        return self.rest.read(size)


def _beginning(source: content_files.Source) -> bytes:
    """One byte more than is small, or all of it."""
    parts, size = [], 0
    while size <= SMALL and (part := source.read(SMALL + 1 - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _values(*, name: str, media_type: str, for_days: int | None) -> dict[str, Any]:
    keep_until = None if for_days is None else clock.now() + timedelta(days=for_days)
    return {"name": name[:255], "media_type": media_type, "keep_until": keep_until}


def _too_large(limit: int) -> ValidationError:
    return ValidationError(f"A file over the limit of {limit:,} bytes is not kept.")


def keep_back(among: Callable[[QuerySet[Blob]], QuerySet[Blob]]) -> None:
    """Have a room keep files whose time is over; it answers those of them that it keeps."""
    _keepers.append(among)


def forget_with(tell: Callable[[Sequence[int]], None]) -> None:
    """Have a room told of the files that are about to be deleted, in the same transaction."""
    _told.append(tell)


def forget_expired() -> int:
    """Delete what its retention has ended, but what somebody keeps."""
    gone = 0
    while True:
        with transaction.atomic():
            due = Blob.objects.filter(keep_until__lt=clock.now())
            for among in _keepers:
                due = due.exclude(pk__in=among(Blob.objects.filter(keep_until__lt=clock.now())).values("pk"))
            keys = list(due.order_by("pk").values_list("pk", flat=True)[:BATCH])
            for tell in _told if keys else ():
                tell(keys)
            Blob.objects.filter(pk__in=keys).delete()
        gone += len(keys)
        if len(keys) < BATCH:
            return gone


def claim_with(places: Callable[[], Iterable[str]]) -> None:
    """Have a room name the files of the folder that are its own and in no row here."""
    _claims.append(places)


def forget_unknown() -> int:
    """Delete the files that belong to nothing: of what was rolled back, killed, or deleted while a backup was taken."""
    if _backup_is_taken():
        return 0
    edge = (clock.real_now() - UNKNOWN_AFTER).timestamp()
    old = [(place, file) for place, file in content_files.all_places() if _changed_at(file) < edge]
    known = set(Blob.objects.exclude(place="").values_list("place", flat=True)) if old else set()
    for claim in _claims if old else ():
        known.update(claim())
    unknown = [file for place, file in old if place not in known]
    for file in unknown:
        file.unlink(missing_ok=True)
    return len(unknown)


def forget_place(place: str) -> None:
    """Once the deletion of the row that names it is committed."""

    def forget() -> None:
        if not _backup_is_taken():
            content_files.forget(place)

    transaction.on_commit(forget)


@receiver(post_delete, sender=Blob, dispatch_uid="core.blobs.content")
def _forget_content(instance: Blob, **_more: Any) -> None:
    if instance.place:
        forget_place(instance.place)


def _backup_is_taken() -> bool:
    """One that begins afterwards does not know the row any more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [BACKUP_LOCK])
        return not cursor.fetchone()[0]


def _changed_at(file: Path) -> float:
    """A second name for a file changes that time, too."""
    try:
        return file.stat().st_ctime
    except OSError:
        return clock.real_now().timestamp()
