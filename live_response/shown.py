"""How a table reads: as text in the recording and where output is kept as a file, and on pages in people's words."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

# A SHA-256 still stands in its column; what is longer shifts the rest of its own line.
WIDE, MOST_LINES = 64, 2_000
# Columns whose name alone does not say enough.
_HEADS = {"pid": "PID", "ppid": "Parent PID", "memory_mib": "Memory (MiB)", "size": "Size (bytes)",
          "local": "Local end", "remote": "Remote end", "sha256": "SHA-256", "sha1": "SHA-1", "md5": "MD5"}  # fmt: skip
_NUMBERS = frozenset({"size", "memory_mib", "used"})
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def as_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Columns side by side, every cell whole; at most 2,000 rows."""
    if not rows:
        return ""
    shown = rows[:MOST_LINES]
    names = list(dict.fromkeys(name for row in shown for name in row))
    lines = [names, *([_cell(row.get(name)) for name in names] for row in shown)]
    widths = [max(len(one) for one in (*cells, "") if len(one) <= WIDE) for cells in zip(*lines, strict=True)]
    text = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
                     for line in lines)  # fmt: skip
    left = len(rows) - len(shown)
    return f"{text}\n{left:,} more rows" if left else text


def head_of(name: str) -> str:
    """A column in words: `memory_mib` is `Memory (MiB)`."""
    words = name.replace("_", " ").strip()
    return _HEADS.get(name) or f"{words[:1].upper()}{words[1:]}"


def in_cell(name: str, value: Any) -> str | datetime:
    """What stands in a cell: a time as one, the rest as text."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if name in _NUMBERS and isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return _cell(value)


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), indent=2, ensure_ascii=False)


def _cell(value: Any) -> str:
    text = "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return " ".join(text.split())
