"""The store of quarantined files: encrypted, checked before the original goes, restored to the very same file.

Each item has a key of its own, wrapped by the key of the store. The content is sealed in parts whose place and end are
part of what is authenticated, so that nothing can be cut off, exchanged or put in another order.
"""

import hashlib
import json
import os
import secrets
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PART = 1024 * 1024
MAGIC = b"SOCVAULT1\n"
_NONCE = 12
_HEAD = struct.Struct(">I")


class VaultError(Exception):
    """An item is missing, damaged or changed. Nothing was restored."""


@dataclass(frozen=True, slots=True)
class Item:
    """A stored file: what it was and where. `metadata` is what `soc_agent.attributes` read of it."""

    id: str
    path: str
    sha256: str
    size: int
    stored: float
    metadata: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


class Vault:
    """A folder that only its owner may enter: `key`, and for each item `<id>.json` and `<id>.sealed`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._key = _store_key(folder / "key")

    def put(self, item: Item, source: int) -> None:
        """Seal what the open file holds, write it to the disk, read it back and compare; raises `OSError` or
        `VaultError`, and then nothing of it is left here."""
        sealed, described = self._folder / f"{item.id}.sealed", self._folder / f"{item.id}.json"
        try:
            with _exclusive(sealed) as file:
                self._seal(item, source, file)
            _check(item, self._opened(item.id))
            with _exclusive(described) as file:
                file.write(json.dumps(asdict(item)).encode())
            _flush(self._folder)
        except BaseException:
            sealed.unlink(missing_ok=True)
            described.unlink(missing_ok=True)
            raise

    def item(self, item_id: str) -> Item:
        try:
            return Item(**json.loads((self._folder / f"{_plain(item_id)}.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            raise VaultError(f"There is no item {item_id!r} in the store.") from None

    def items(self) -> list[Item]:
        return [self.item(path.stem) for path in sorted(self._folder.glob("*.json"))]

    def take(self, item_id: str, target: int) -> None:
        """Write the content of an item into an open file, in full or not at all as far as the caller can tell: raises
        `VaultError` when it is not what was stored."""
        item = self.item(item_id)
        for part in _checked(item, self._opened(item_id)):
            view = memoryview(part)
            while view:
                view = view[os.write(target, view) :]

    def remove(self, item_id: str) -> None:
        for end in ("json", "sealed"):
            (self._folder / f"{_plain(item_id)}.{end}").unlink(missing_ok=True)
        _flush(self._folder)

    def _seal(self, item: Item, source: int, file: BinaryIO) -> None:
        key, nonce = secrets.token_bytes(32), secrets.token_bytes(_NONCE)
        file.write(MAGIC + nonce + AESGCM(self._key).encrypt(nonce, key, item.id.encode()))
        sealer, place = AESGCM(key), 0
        for number, (part, last) in enumerate(_parts(source)):
            nonce = secrets.token_bytes(_NONCE)
            sealed = sealer.encrypt(nonce, part, _place(item.id, number, last=last))
            file.write(_HEAD.pack(len(sealed)) + nonce + sealed)
            place += len(part)
        if place != item.size:
            raise VaultError("The file changed while it was stored.")

    def _opened(self, item_id: str) -> Iterator[bytes]:
        try:
            with (self._folder / f"{_plain(item_id)}.sealed").open("rb") as file:
                yield from self._open_parts(item_id, file)
        except (OSError, InvalidTag, struct.error):
            raise VaultError(f"The item {item_id!r} is damaged or was changed.") from None

    def _open_parts(self, item_id: str, file: BinaryIO) -> Iterator[bytes]:
        if file.read(len(MAGIC)) != MAGIC:
            raise VaultError(f"The item {item_id!r} is damaged or was changed.")
        nonce = file.read(_NONCE)
        opener = AESGCM(AESGCM(self._key).decrypt(nonce, file.read(32 + 16), item_id.encode()))
        number, head = 0, file.read(_HEAD.size)
        while head:
            nonce, sealed = file.read(_NONCE), file.read(min(_HEAD.unpack(head)[0], PART + 16))
            head = file.read(_HEAD.size)
            yield opener.decrypt(nonce, sealed, _place(item_id, number, last=not head))
            number += 1
        if not number:
            raise VaultError(f"The item {item_id!r} is damaged or was changed.")


def _place(item_id: str, number: int, *, last: bool) -> bytes:
    return f"{item_id}:{number}:{'last' if last else 'more'}".encode()


def _parts(source: int) -> Iterator[tuple[bytes, bool]]:
    """The content in parts, each with whether it is the last; an empty file is one empty part."""
    part, read = os.pread(source, PART, 0), 0
    while True:
        read += len(part)
        following = os.pread(source, PART, read) if part else b""
        yield part, not following
        if not following:
            return
        part = following


def _checked(item: Item, parts: Iterator[bytes]) -> Iterator[bytes]:
    found, size = hashlib.sha256(), 0
    for part in parts:
        found.update(part)
        size += len(part)
        yield part
    if found.hexdigest() != item.sha256 or size != item.size:
        raise VaultError(f"The item {item.id!r} is not what was stored.")


def _check(item: Item, parts: Iterator[bytes]) -> None:
    for _part in _checked(item, parts):
        pass


def _plain(item_id: str) -> str:
    """Ids name files of the store, so they hold nothing that leads elsewhere."""
    if not item_id or not all(letter.isalnum() or letter in "-_" for letter in item_id) or len(item_id) > 80:
        raise VaultError("That is no id of an item.")
    return item_id


@contextmanager
def _exclusive(path: Path) -> Iterator[BinaryIO]:
    """A new file of ours, on the disk when the block ends."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _store_key(path: Path) -> bytes:
    """The key that wraps the keys of the items; made when there is none."""
    try:
        with _exclusive(path) as file:
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    key = path.read_bytes()
    if len(key) != 32:
        raise VaultError("The key of the store is damaged.")
    return key
