"""CSV exports: exactly the filtered rows, times in UTC, formula cells neutralised."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.http import StreamingHttpResponse

MAX_ROWS = 10_000
# The full-width forms count: some spreadsheets fold them before they look.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫")


class _Echo:
    def write(self, value: str) -> str:
        return value


def cell(value: Any) -> str:
    """One CSV cell as text. A cell that a spreadsheet would run gets a leading apostrophe."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, list | tuple | set):
        value = "; ".join(str(item) for item in value)
    text = str(value).replace("\x00", "")
    if isinstance(value, str) and text.lstrip(" ").startswith(_FORMULA_STARTS):
        return "'" + text
    return text


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
