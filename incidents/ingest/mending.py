"""Taking out of a JSON value what neither PostgreSQL nor another JSON reader can hold.

NUL and lone surrogates are replaced, numbers beyond 64 bits become text, infinities become null, nesting, lists and
texts are bounded. Everything is marked.
"""

import math
from typing import Any

import orjson

MAX_DEPTH = 24
MAX_LIST = 10_000
MAX_FIELDS = 1_000
MAX_NAME = 200
# A whole item: what is beyond is left out, so that one item costs a bounded amount of work and room.
MAX_VALUES = 60_000
MAX_TEXT = 32_000
MAX_MARKS = 50
REPLACEMENT = "\ufffd"
_NUL = b"\\u0000"

Mark = dict[str, str]


def mark(field: str, code: str, message: str) -> Mark:
    return {"field": field[:200], "code": code, "message": message[:300]}


def sound(item: dict[str, Any]) -> bytes | None:
    """The item as canonical JSON when it needs no mending, else None."""
    try:
        encoded = orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError, RecursionError):
        return None  # lone surrogates, huge numbers, too deep, not JSON at all
    return None if _NUL in encoded else encoded


def mended_inside(value: Any, field: str, marks: list[Mark]) -> Any:
    """What stood as JSON inside a text, of which the text said nothing: mended like the item itself."""
    if sound({field: value}) is not None:
        return value
    mender = Mender()
    mended = mender.mend({field: value})[field]
    marks += mender.marks
    return mended


class Mender:
    """Mends one item; `marks` tells what was done."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []
        self._values = 0

    def mend(self, item: dict[str, Any]) -> dict[str, Any]:
        mended: dict[str, Any] = self._mend(item, "", 0)
        return mended

    def _mark(self, field: str, code: str, message: str) -> None:
        if len(self.marks) < MAX_MARKS:
            self.marks.append(mark(field, code, message))

    def _mend(self, value: Any, path: str, depth: int) -> Any:
        self._values += 1
        if isinstance(value, str):
            return self._mend_text(value, path)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._mend_number(value, path)
        if isinstance(value, dict | list | tuple):
            return self._mend_container(value, path, depth)
        self._mark(path, "mended", "not a JSON value")
        return self._mend_text(str(value), path)

    def _mend_container(self, value: Any, path: str, depth: int) -> Any:
        if depth >= MAX_DEPTH:
            self._mark(path, "truncated", f"nested deeper than {MAX_DEPTH}")
            return "(nested too deep)"
        if self._values > MAX_VALUES:
            self._mark(path, "truncated", f"more than {MAX_VALUES:,} values")
            return None
        if isinstance(value, dict):
            return self._mend_object(value, path, depth)
        return self._mend_list(list(value), path, depth)

    def _mend_object(self, value: dict[Any, Any], path: str, depth: int) -> dict[str, Any]:
        if len(value) > MAX_FIELDS:
            self._mark(path, "truncated", f"{len(value):,} fields, {MAX_FIELDS:,} kept")
        mended = {}
        for name, inner in list(value.items())[:MAX_FIELDS]:
            clean = _clean(str(name))[:MAX_NAME]
            mended[clean] = self._mend(inner, f"{path}.{clean}" if path else clean, depth + 1)
        return mended

    def _mend_list(self, value: list[Any], path: str, depth: int) -> list[Any]:
        if len(value) > MAX_LIST:
            self._mark(path, "truncated", f"{len(value):,} entries, {MAX_LIST:,} kept")
            value = value[:MAX_LIST]
        return [self._mend(inner, path, depth + 1) for inner in value]

    def _mend_text(self, value: str, path: str) -> str:
        if len(value) > MAX_TEXT:
            self._mark(path, "truncated", f"{len(value):,} characters, {MAX_TEXT:,} kept")
            value = value[:MAX_TEXT]
        clean = _clean(value)
        if clean != value:
            self._mark(path, "mended", "held characters that no text may hold")
        return clean

    def _mend_number(self, value: int | float, path: str) -> int | float | str | None:
        if isinstance(value, float):
            if math.isfinite(value):
                return value
            self._mark(path, "mended", "not a finite number")
            return None
        if -(2**63) <= value < 2**63:
            return value
        self._mark(path, "mended", "a number beyond 64 bits, kept as text")
        # Python refuses to print numbers of more than some thousand digits.
        return f"{value:.6e}" if value.bit_length() <= 1000 else f"about 2^{value.bit_length()}"


def _clean(text: str) -> str:
    """Without NUL and lone surrogates; a str subclass becomes a plain one."""
    if "\x00" in text:
        text = text.replace("\x00", REPLACEMENT)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return str(text)
