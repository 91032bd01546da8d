"""Keyset pages: the place in a list is a row's sort values, never an offset, so page 500 costs what page 1 costs."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, QuerySet

PAGE = 50


@dataclass(frozen=True, slots=True)
class Page[M: Model]:
    """`newer` and `older` are cursors of the pages before and after; empty when there is none."""

    rows: list[M]
    newer: str
    older: str


def keyset_page[M: Model](rows: QuerySet[M], order: Sequence[str], *, cursor: str = "", size: int = PAGE) -> Page[M]:
    """One page of `rows` in `order` (Django's words, `-` is descending).

    The last column must be unique and none may be null. A cursor that cannot be read means the first page.
    """
    backwards, values = _read(cursor, len(order))
    wanted = [_turned(column) for column in order] if backwards else list(order)
    if values:
        rows = rows.filter(_after(wanted, values))
    found = list(rows.order_by(*wanted)[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    if not found:
        return Page([], "", "")
    has_newer = more if backwards else bool(values)
    has_older = bool(values) if backwards else more
    return Page(
        found,
        _cursor(found[0], order, backwards=True) if has_newer else "",
        _cursor(found[-1], order, backwards=False) if has_older else "",
    )


def _turned(column: str) -> str:
    return column.removeprefix("-") if column.startswith("-") else f"-{column}"


def _after(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Strictly behind the place `values`: the first column bounds the index, the rest decides among equals."""
    name, value = order[0].removeprefix("-"), values[0]
    beyond = "lt" if order[0].startswith("-") else "gt"
    if len(order) == 1:
        return Q(**{f"{name}__{beyond}": value})
    inner = Q(**{f"{name}__{beyond}": value}) | (Q(**{name: value}) & _after(order[1:], values[1:]))
    return Q(**{f"{name}__{beyond}e": value}) & inner


def _cursor(row: Model, order: Sequence[str], *, backwards: bool) -> str:
    place = [_packed(getattr(row, column.removeprefix("-"))) for column in order]
    return base64.urlsafe_b64encode(json.dumps([int(backwards), *place]).encode()).decode().rstrip("=")


def _packed(value: Any) -> Any:
    return {"at": value.isoformat()} if isinstance(value, datetime) else value


def _unpacked(value: Any) -> Any:
    """Only what `_packed` makes; everything else is a cursor that somebody wrote by hand."""
    if isinstance(value, dict):
        at = datetime.fromisoformat(value["at"])
        if at.tzinfo is None:
            raise ValueError("a time without zone")
        return at
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("not a sort value")
    if isinstance(value, int) and abs(value) > 2**62:
        raise ValueError("out of range")
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("not text")
    return value


def _read(cursor: str, columns: int) -> tuple[bool, list[Any]]:
    if not cursor:
        return False, []
    try:
        backwards, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        values = [_unpacked(value) for value in values]
    except (ValueError, TypeError, KeyError):
        return False, []
    return (bool(backwards), values) if len(values) == columns else (False, [])
