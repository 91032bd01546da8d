"""Contents that are too large for a row: files in a folder, encrypted in chunks, written and read in bounded memory.

A file is `MAGIC` and then chunks of one nonce, the encrypted bytes (a mebibyte of content, the last chunk what is left)
and the tag. Each file has a key of its own, which lies encrypted in the row that names the file. What is signed with
each chunk is its number and whether it is the last, so none can be left out, moved, doubled or cut off (the STREAM
construction); nonces are random, so a chunk that is written a second time after a crash does not repeat one.
"""

import contextlib
import errno
import hashlib
import hmac
import io
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from core.blobs_folder import is_place, path_in
from core.encryption import Unreadable, decrypt, encrypt

CHUNK = 1024 * 1024
MAGIC = b"soc-content-1\n"
KEY = "key of a file"
_NONCE, _TAG = 12, 16
_SEALED = _NONCE + CHUNK + _TAG
_BUFFER = 128 * 1024


class Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class NoRoom(Exception):
    """The folder takes no more; the message is for people."""


@dataclass(frozen=True, slots=True)
class Written:
    """`place` names the file, `key` is its key, encrypted with the portal's."""

    place: str
    key: bytes
    size: int
    sha256: str


def new_place() -> tuple[str, bytes]:
    """A name that nothing has yet, and a key for it."""
    return f"{_tags()[0]}-{secrets.token_hex(16)}", encrypt(AESGCM.generate_key(256), KEY)


def path_of(place: str) -> Path:
    """Raises `Unreadable` for a name that the portal never gave."""
    if not is_place(place):
        raise Unreadable("The stored content has no place.")
    return path_in(settings.BLOBS_DIR, place)


def write(source: Source, *, limit: int) -> Written | None:
    """Keep all that `source` has; None when it has more than `limit`. Whole or not at all. Raises `NoRoom`."""
    place, key = new_place()
    file = path_of(place)
    unfinished = file.with_name(f"{file.name}.unfinished")
    digest, size = hashlib.sha256(), 0
    box, number = _box(key), 0
    try:
        with _room(), _made(unfinished) as handle:
            handle.write(MAGIC)
            content = _full(source)
            while True:
                following = _full(source) if len(content) == CHUNK else b""
                size += len(content)
                if size > limit:
                    return None
                digest.update(content)
                handle.write(_seal(box, number, content, last=not following))
                number += 1
                if not following:
                    break
                content = following
            _flush(handle)
            unfinished.replace(file)
            _flush_folder(file.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    return Written(place, key, size, digest.hexdigest())


def append(place: str, key: bytes, *, at: int, content: bytes, total: int) -> int:
    """Add to a file that will have `total` bytes; how many bytes were taken. Those are whole chunks, so that less than
    one is taken only at the end; `at` is what was taken before. Raises `NoRoom`."""
    box, number = _box(key), at // CHUNK
    ends = at + len(content) == total
    taken = len(content) if ends else len(content) - len(content) % CHUNK
    file = path_of(place)
    with _room():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as handle:
            handle.truncate(len(MAGIC) + number * _SEALED)
            if number == 0:
                handle.write(MAGIC)
            handle.seek(0, os.SEEK_END)
            for start in range(0, taken, CHUNK):
                part = content[start : min(start + CHUNK, taken)]
                handle.write(_seal(box, number, part, last=at + start + len(part) == total))
                number += 1
            if ends:
                _flush(handle)
    if ends:
        _flush_folder(file.parent)
    return taken


def holds(place: str, size: int) -> bool:
    """Whether so many bytes (whole chunks) are there."""
    try:
        return path_of(place).stat().st_size >= len(MAGIC) + size // CHUNK * _SEALED
    except OSError:
        return False


def digest_of(place: str, key: bytes) -> str:
    """Of the whole content. Raises `Unreadable`."""
    found = hashlib.sha256()
    with opened(place, key) as file:
        while part := file.read(CHUNK):
            found.update(part)
    return found.hexdigest()


def again(place: str) -> str:
    """A second name for the same content, under the same key; either goes without the other. Raises `NoRoom`, and
    `Unreadable` when it is gone."""
    other, _ = new_place()
    source, target = path_of(place), path_of(other)
    with _room():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except FileNotFoundError:
            raise Unreadable("The stored content is gone.") from None
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise
            _copy(source, target)
    return other


def opened(place: str, key: bytes) -> IO[bytes]:
    """For reading from any place in it; what was changed shows when it is read. Raises `Unreadable`."""
    try:
        raw = path_of(place).open("rb")
    except OSError:
        raise Unreadable("The stored content is gone.") from None
    try:
        return io.BufferedReader(_Reader(raw, _box(key)), _BUFFER)
    except BaseException:
        raw.close()
        raise


def forget(place: str) -> None:
    """It may be gone already."""
    with contextlib.suppress(Unreadable, OSError):
        path_of(place).unlink()


def all_places() -> Iterator[tuple[str, Path]]:
    """What this portal wrote into the folder, with what a crash left unfinished (whose place is empty)."""
    for tag in _tags():
        for file in (settings.BLOBS_DIR / tag).glob("??/*"):
            place = f"{tag}-{file.name}"
            yield (place if is_place(place) else ""), file


def _tags() -> list[str]:
    """What its names begin with: nobody shares a folder by mistake and has a stranger's files swept."""
    return [
        hmac.digest(one.encode(), b"folder of contents", hashlib.sha256)[:4].hex() for one in settings.ENCRYPTION_KEYS
    ]


def _box(key: bytes) -> AESGCM:
    return AESGCM(decrypt(key, KEY))


def _seal(box: AESGCM, number: int, content: bytes, *, last: bool) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + box.encrypt(nonce, content, _told(number, last=last))


def _told(number: int, *, last: bool) -> bytes:
    return MAGIC + number.to_bytes(8, "big") + (b"\x01" if last else b"\x00")


def _full(source: Source) -> bytes:
    """A whole chunk, or what there is left."""
    parts, size = [], 0
    while size < CHUNK and (part := source.read(CHUNK - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


@contextlib.contextmanager
def _made(file: Path) -> Iterator[IO[bytes]]:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as handle:
        yield handle


def _copy(source: Path, target: Path) -> None:
    """Where a file cannot have two names."""
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        with source.open("rb") as old, _made(unfinished) as new:
            shutil.copyfileobj(old, new, CHUNK)
            _flush(new)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoRoom("There is no room left where the portal keeps large files.") from error
        raise


def _flush(handle: IO[bytes]) -> None:
    handle.flush()
    os.fsync(handle.fileno())


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Reader(io.RawIOBase):
    """The content of an opened file, one chunk in memory."""

    def __init__(self, file: IO[bytes], box: AESGCM) -> None:
        super().__init__()
        self._file, self._box = file, box
        whole = os.fstat(file.fileno()).st_size - len(MAGIC)
        self._count = -(-whole // _SEALED)
        self._size = whole - self._count * (_NONCE + _TAG)
        if self._count < 1 or self._size < 0 or file.read(len(MAGIC)) != MAGIC:
            raise Unreadable("The stored content is damaged.")
        self._at, self._number, self._chunk = 0, -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("There is nothing before the beginning.")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        number = self._at // CHUNK
        if self._at >= self._size:
            self._take(self._count - 1)  # that nothing was cut off is known when the last chunk says so
            return 0
        self._take(number)
        start = self._at - number * CHUNK
        part = memoryview(self._chunk)[start : start + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _take(self, number: int) -> None:
        if number == self._number:
            return
        self._file.seek(len(MAGIC) + number * _SEALED)
        sealed = self._file.read(_SEALED)
        try:
            told = _told(number, last=number == self._count - 1)
            self._chunk = self._box.decrypt(sealed[:_NONCE], sealed[_NONCE:], told)
        except (InvalidTag, ValueError):
            raise Unreadable("The stored content was changed, or a part of it is missing.") from None
        self._number = number
