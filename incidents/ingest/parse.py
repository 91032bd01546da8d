"""From bytes to items: an object, a list, `{"value": [...]}`, JSON lines, each also gzipped.

The whole body is read by the strict, quick parser. Only when that fails the body is cut into its items and each is
read by itself, so that one bad item never spoils a batch: it becomes `Unreadable`, and a dead letter later.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson
from django.conf import settings

from incidents.ingest.splitting import split

GZIP_MAGIC = b"\x1f\x8b"
_ENVELOPES = ("value", "alerts")
_BOM = b"\xef\xbb\xbf"
_READ_BYTES = 256 * 1024


class Unparsable(ValueError):
    """Nothing in the body could be read as JSON."""


class TooLarge(ValueError):
    """More bytes than allowed, before or after decompression, or more items."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One item that is not JSON, kept as it came."""

    raw: bytes
    message: str


@dataclass(frozen=True, slots=True)
class Loose:
    """One item that only the tolerant parser could read: it may hold infinities, huge numbers, lone surrogates."""

    item: Any


def decompress(body: bytes, *, limit: int) -> bytes:
    """Gunzip if it is gzip, never producing more than `limit` bytes."""
    if not body.startswith(GZIP_MAGIC):
        return body
    machine = zlib.decompressobj(wbits=31)
    try:
        plain = machine.decompress(body, limit + 1)
    except zlib.error:
        raise Unparsable("The body is not valid gzip.") from None
    if len(plain) > limit:
        raise TooLarge(f"The decompressed body is over the limit of {limit:,} bytes.")
    if not machine.eof:
        raise Unparsable("The gzip body ends too early.")
    return plain


def parse_body(body: bytes) -> list[object]:
    """The items of one request body. Raises `TooLarge` at the first item beyond the limit, without reading on."""
    body, most = body.removeprefix(_BOM), settings.INGEST_MAX_ALERTS
    try:
        return items_of(orjson.loads(body))
    except (orjson.JSONDecodeError, RecursionError):
        items: list[object] = []
        for raw in split(iter([body])):
            if len(items) == most:
                raise TooLarge(f"A request takes at most {most:,} alerts; this has more.") from None
            items.append(parse_item(raw))
    if not items or (len(items) == 1 and isinstance(items[0], Unreadable)):
        reason = items[0].message if items and isinstance(items[0], Unreadable) else "the body is empty"
        raise Unparsable(f"The body is not JSON: {reason}.")
    return items


def items_of(value: Any) -> list[object]:
    """A list as its entries, an envelope as what it holds, anything else as one item."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        for name in _ENVELOPES:
            if isinstance(value.get(name), list) and "title" not in value and "rule" not in value:
                inner: list[object] = value[name]
                return inner
    return [value]


def parse_item(raw: bytes) -> object:
    """One item by the strict parser, else by the tolerant one."""
    try:
        return orjson.loads(raw)
    except (orjson.JSONDecodeError, RecursionError):
        pass
    try:
        text = raw.decode("utf-8", "surrogateescape")
        return Loose(json.loads(text, strict=False, parse_int=_parse_int))
    except RecursionError:
        return Unreadable(raw, "nested too deep")
    except ValueError as error:
        return Unreadable(raw, str(error)[:200])


def _parse_int(digits: str) -> int | str:
    """A number of thousands of digits is refused by `int`, and means nothing."""
    return int(digits) if len(digits) <= 300 else digits[:300]


@dataclass(slots=True)
class ReadSoFar:
    """How far a file has been read: in bytes of the file itself, and of the items that were in it. `broken` says why
    the rest cannot be read."""

    bytes: int = 0
    items: int = 0
    broken: str = ""


def read_file(path: Path, progress: ReadSoFar) -> Iterator[object]:
    """The items of a file of any size, one after another, in constant memory. Raises `Unparsable` after the last item
    that could be read of a damaged one."""
    with path.open("rb") as handle:
        magic = handle.read(2)
        handle.seek(0)
        chunks = _gunzipped(handle, progress) if magic == GZIP_MAGIC else _chunks(handle, progress)
        for raw in split(chunks):
            progress.items += len(raw)
            yield parse_item(raw)
    if progress.broken:
        raise Unparsable(progress.broken)


def _chunks(handle: IO[bytes], progress: ReadSoFar) -> Iterator[bytes]:
    while chunk := handle.read(_READ_BYTES):
        progress.bytes += len(chunk)
        yield chunk


def _gunzipped(handle: IO[bytes], progress: ReadSoFar) -> Iterator[bytes]:
    """Also several gzip members after one another, as log rotation writes them."""
    machine = zlib.decompressobj(wbits=31)
    ended = True
    for chunk in _chunks(handle, progress):
        rest = chunk
        while rest:
            ended = False
            try:
                plain = machine.decompress(rest, _READ_BYTES)
            except zlib.error:
                progress.broken = "The file is not valid gzip."
                return
            if plain:
                yield plain
            rest = machine.unconsumed_tail
            if machine.eof:
                ended = True
                rest = machine.unused_data.lstrip(b"\x00")
                machine = zlib.decompressobj(wbits=31)
    if tail := machine.flush():
        yield tail
    if not (ended or machine.eof):
        progress.broken = "The gzip file ends too early."
