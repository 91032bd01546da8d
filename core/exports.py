"""CSV exports: exactly the filtered rows, times in UTC, formula cells neutralised."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.http import StreamingHttpResponse

MAX_ROWS = 10_000
# The full-width forms count: some spreadsheets fold them before they look.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫")


# Where lists are separated by semicolons, a spreadsheet begins a new cell, or a new line, in the middle of ours.
# Each run of separators is read once, with the sign behind it.
_WITHIN = re.compile(r"([;\t\r\n][;\s]*+)([=+\-@＝＋－＠﹦﹢﹣﹫]?)")


class _Echo:
    def write(self, value: str) -> str:
        return value


def cell(value: Any) -> str:
    """One CSV cell as text. What a spreadsheet would run gets an apostrophe before it: at the beginning, and where a
    spreadsheet of another country takes our text for several cells."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, list | tuple | set):
        value = "; ".join(str(item) for item in value)
    text = str(value).replace("\x00", "")
    if isinstance(value, int | float | Decimal):
        return text
    text = _WITHIN.sub(lambda found: f"{found[1]}'{found[2]}" if found[2] else found[0], text)
    return "'" + text if text.lstrip(" \ufeff\u00a0").startswith(_FORMULA_STARTS) else text


def as_json(value: Any) -> str:
    """A structure inside a cell; empty for an empty one."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""


def lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """A streamed download of at most `MAX_ROWS` rows; the caller cuts the query."""
    response = StreamingHttpResponse(lines(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
