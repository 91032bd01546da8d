"""What lies packed in a sample: looked at in memory and never written to a disk. Archives lie about their size, hold
themselves and never end, so everything here has an end: depth, number, bytes and time."""

import bz2
import encodings.cp437 as _names_in_zips  # noqa: F401 - before the process gives its rights away
import gzip
import hashlib
import io
import lzma
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from connectors.sandbox.limits import MEBI
from connectors.sandbox.rules import Rules
from connectors.sandbox.static import NAMES, kind_of
from connectors.sandbox.text import shown

MOST_DEPTH, MOST_MEMBERS, MOST_SHOWN = 3, 500, 100
MOST_BYTES, MOST_OF_ONE = 256 * MEBI, 32 * MEBI
SECONDS = 10.0
_SPOOL: Mapping[str, Callable[..., Any]] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, OSError, EOFError, RuntimeError, ValueError,
    LookupError, MemoryError,
)  # fmt: skip
# By custom, samples are sent around in archives with this password.
_CUSTOM = b"infected"


class Enough(Exception):
    """A limit was reached; its name is the message."""


@dataclass(slots=True)
class Walk:
    """Through one sample. `cut` names the limits that ended it before everything was seen."""

    rules: Rules
    found: list[dict[str, Any]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    _left: int = MOST_BYTES
    _count: int = 0
    _until: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def through(self, content: bytes) -> "Walk":
        try:
            self._into(content, "", 1)
        except Enough as limit:
            self.cut.append(str(limit))
        return self

    def _into(self, content: bytes, inside: str, depth: int) -> None:
        for name, packed, note in self._members(content):
            self._count += 1
            if self._count > MOST_MEMBERS:
                raise Enough(f"more than {MOST_MEMBERS} files")
            if time.monotonic() > self._until:
                raise Enough(f"more than {SECONDS:.0f} seconds")
            part, damage = self._unpacked(packed)
            where = f"{inside}{shown(name, 200)}"
            self._tell(where, part, damage or note)
            if depth < MOST_DEPTH:
                self._into(part, f"{where} > ", depth + 1)
            elif _kind(part) in {*_SPOOL, "zip", "tar"} and "depth" not in self.cut:
                self.cut.append("depth")

    def _members(self, content: bytes) -> Iterator[tuple[str, IO[bytes] | None, str]]:
        kind = _kind(content)
        try:
            if kind == "zip":
                yield from _of_zip(content)
            elif kind == "tar":
                yield from _of_tar(content)
            elif kind in _SPOOL:
                with _SPOOL[kind](io.BytesIO(content), "rb") as packed:
                    yield f"({kind})", packed, ""
        except _BROKEN as error:
            yield "(damaged)", None, f"It cannot be unpacked: {shown(str(error), 120)}"

    def _unpacked(self, packed: IO[bytes] | None) -> tuple[bytes, str]:
        """The content, and why there is none."""
        try:
            return (b"" if packed is None else self._read(packed)), ""
        except _BROKEN as error:
            return b"", f"It cannot be unpacked: {shown(str(error), 120)}"

    def _read(self, packed: IO[bytes]) -> bytes:
        most = min(MOST_OF_ONE, self._left)
        part = packed.read(most + 1)
        self._left -= min(len(part), most)
        if len(part) > most:
            if self._left <= 0:
                raise Enough(f"more than {MOST_BYTES // MEBI} MiB unpacked")
            if "size of a file" not in self.cut:
                self.cut.append("size of a file")
        return part[:most]

    def _tell(self, where: str, part: bytes, note: str) -> None:
        matches = self.rules.matching(part) if part else []
        if len(self.found) < MOST_SHOWN or matches:
            self.found.append({
                "path": where, "size": len(part), "sha256": hashlib.sha256(part).hexdigest() if part else "",
                "type": NAMES.get(_kind(part), "Tar archive"), "rules": matches, "note": note,
            })  # fmt: skip


def _kind(content: bytes) -> str:
    return "tar" if content[257:262] == b"ustar" else kind_of(content)


def _of_zip(content: bytes) -> Iterator[tuple[str, IO[bytes] | None, str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(_CUSTOM)
        for one in archive.infolist():
            if one.is_dir():
                continue
            try:
                packed = archive.open(one)
            except _BROKEN as error:
                yield one.filename, None, f"It cannot be read: {shown(str(error), 120)}"
                continue
            with packed:
                yield one.filename, packed, "Its password is the customary one." if one.flag_bits & 1 else ""


def _of_tar(content: bytes) -> Iterator[tuple[str, IO[bytes] | None, str]]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for one in archive:
            if one.isreg() and (packed := archive.extractfile(one)) is not None:
                yield one.name, packed, ""
