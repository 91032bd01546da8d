"""How a table reads as text: in the recording, and where output is kept as a file."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

WIDEST = 60
MOST_LINES = 2_000


def as_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Columns side by side, cut where they are too wide; at most 2,000 rows."""
    if not rows:
        return ""
    shown = rows[:MOST_LINES]
    names = list(dict.fromkeys(name for row in shown for name in row))
    lines = [names, *([_cell(row.get(name)) for name in names] for row in shown)]
    widths = [min(WIDEST, max(len(line[place]) for line in lines)) for place in range(len(names))]
    text = "\n".join("  ".join(_fit(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip()
                     for line in lines)  # fmt: skip
    left = len(rows) - len(shown)
    return f"{text}\n{left:,} more rows" if left else text


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), indent=2, ensure_ascii=False)


def _cell(value: Any) -> str:
    text = "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return " ".join(text.split())


def _fit(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else f"{cell[: width - 1]}…"
