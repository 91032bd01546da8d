"""Cutting a stream of bytes into the raw bytes of its items, without parsing them.

Three shapes: one item a line; a list, also inside `{"value": [...]}`; objects one after another. Only brackets and
strings are followed, so a broken item is cut out whole and its neighbours survive.
"""

import re
from collections.abc import Iterator

import orjson

MAX_ITEM_BYTES = 24 * 1024 * 1024
_HEAD_BYTES = 64 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK, _BETWEEN = re.compile(rb"[ \t\r\n]*"), re.compile(rb"[ \t\r\n,]*")
# An object that begins with its list, after annotations at most.
_ENVELOPE = re.compile(rb'\{(?:\s*"@[^"]{0,200}"\s*:\s*"[^"\\]{0,2000}"\s*,)*\s*"(?:value|alerts)"\s*:\s*\[')
# What changes the depth, whole strings, and the quote of a string that has no end yet.
_TOKEN = re.compile(rb'[{}\[\],]|"(?:[^"\\]++|\\.)*+"|"', re.DOTALL)
_QUOTE, _COMMA = ord('"'), ord(",")
_STEPS = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}


class Buffer:
    """A growing window on a stream of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.data = bytearray()
        self.ended = False

    def grow(self) -> bool:
        """Take one more chunk; False at the end."""
        chunk = next(self._chunks, None)
        if chunk is None:
            self.ended = True
            return False
        self.data += chunk
        return True

    def drop(self, count: int) -> None:
        del self.data[:count]

    def skip(self, what: re.Pattern[bytes]) -> bool:
        """Drop what matches at the front; False when nothing else is left."""
        while True:
            match = what.match(self.data)
            self.drop(match.end() if match else 0)
            if self.data:
                return True
            if not self.grow():
                return False


def split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The raw bytes of each item, empty ones left out."""
    buffer = Buffer(chunks)
    while len(buffer.data) < _HEAD_BYTES and buffer.grow():
        pass
    if buffer.data.startswith(_BYTE_ORDER_MARK):
        buffer.drop(len(_BYTE_ORDER_MARK))
    if not buffer.skip(_BLANK):
        return
    opening = _list_opening(buffer)
    if opening is None and _is_line_per_item(buffer):
        yield from _lines(buffer)
        return
    buffer.drop(opening or 0)
    yield from _elements(buffer)


def _is_line_per_item(buffer: Buffer) -> bool:
    """Whether one of the first lines is a whole object by itself, or the first does not even begin like one."""
    lines = [line.strip() for line in bytes(buffer.data[:_HEAD_BYTES]).split(b"\n")[:20]]
    first = next((line for line in lines if line), b"")
    if first[:1] != b"{":
        return True
    if any(_is_object(line) for line in lines[:5]):
        return True
    # A first line that is broken: the others tell.
    return sum(_is_object(line) for line in lines) > 1


def _is_object(line: bytes) -> bool:
    """Some deep or odd objects are refused by the strict parser; ends that fit are enough for those."""
    if not (line.startswith(b"{") and line.endswith(b"}")):
        return False
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return line.count(b"{") == line.count(b"}")


def _list_opening(buffer: Buffer) -> int | None:
    """Where the entries of the list begin."""
    if buffer.data[:1] == b"[":
        return 1
    match = _ENVELOPE.match(buffer.data)
    return match.end() if match else None


def _lines(buffer: Buffer) -> Iterator[bytes]:
    searched = 0
    while True:
        end = buffer.data.find(b"\n", searched)
        if end < 0:
            searched = len(buffer.data)
            if searched < MAX_ITEM_BYTES and buffer.grow():
                continue
            end = len(buffer.data)
        line = bytes(buffer.data[:end]).strip()
        buffer.drop(end + 1)
        searched = 0
        if line:
            yield line
        if buffer.ended and not buffer.data:
            return


def _elements(buffer: Buffer) -> Iterator[bytes]:
    """Entries separated by commas or space, up to the bracket that closes the list."""
    while buffer.skip(_BETWEEN) and buffer.data[:1] != b"]":
        end = _element_end(buffer)
        element = bytes(buffer.data[:end]).strip()
        buffer.drop(end)
        if element:
            yield element


def _element_end(buffer: Buffer) -> int:
    """One past the last byte of the entry at the front; the end of the data when it never ends."""
    position = depth = 0
    while True:
        match = _TOKEN.search(buffer.data, position)
        if match is None or (match.end() - match.start() == 1 and buffer.data[match.start()] == _QUOTE):
            # The data ends here, perhaps inside a string.
            position = len(buffer.data) if match is None else match.start()
            if len(buffer.data) >= MAX_ITEM_BYTES or not buffer.grow():
                return len(buffer.data)
            continue
        token, position = buffer.data[match.start()], match.end()
        if token == _COMMA and depth == 0:
            return position - 1
        depth += _STEPS.get(token, 0)
        if depth < 0:
            return max(position - 1, 1)
        if depth == 0 and token != _COMMA:
            return position
