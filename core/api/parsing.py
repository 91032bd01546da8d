"""Strict JSON: what other parsers would read differently is refused instead of guessed."""

import codecs
import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.parsers import BaseParser

from core.api.errors import Problem, invalid

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
_MAYBE_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


class StrictJSONParser(BaseParser):
    """Reads at most the view's `max_body_bytes` (default 1 MB); anything it cannot read is a 400, never a 5xx."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        view = (parser_context or {}).get("view")
        limit: int = getattr(view, "max_body_bytes", MAX_BYTES)
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise Problem(413, f"The body is larger than the {limit:,} bytes this endpoint takes.")
        return parse_json(body)


def parse_json(body: bytes) -> Any:
    """The value of a JSON document; raises `Problem` 400 for one that is not strictly JSON in UTF-8."""
    try:
        text = body.removeprefix(codecs.BOM_UTF8).decode()
        value = json.loads(
            text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_without_duplicates
        )
    except UnicodeDecodeError:
        raise invalid("The body is not UTF-8.") from None
    except RecursionError:
        raise invalid(_TOO_DEEP) from None
    except ValueError:
        # Malformed JSON, or an integer of more digits than Python converts.
        raise invalid("The body is not valid JSON.") from None
    _refuse_deep(value)
    if "\\u0000" in text or _MAYBE_LONE_SURROGATE.search(text):
        _refuse_unstorable(value)
    return value


_TOO_DEEP = f"The body is nested deeper than {MAX_DEPTH} levels."


def _no_constant(name: str) -> NoReturn:
    raise invalid(f"{name} is not a JSON number.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise invalid("A number in the body is too large.")
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise invalid("An object in the body names a field twice.")
    return found


def _refuse_deep(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise invalid(_TOO_DEEP)


def _refuse_unstorable(value: Any) -> None:
    """NUL and lone surrogates have no place in a text column."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            refuse_unstorable_text(item)
        elif isinstance(item, dict):
            stack.extend(item)
        stack.extend(_children(item))


def refuse_unstorable_text(text: str, *, field: str = "") -> None:
    if "\x00" in text:
        raise invalid("Text may not contain the character NUL.", field=field)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise invalid("Text may not contain half of a surrogate pair.", field=field) from None


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
