"""How an action answers: rows and text, bounded. What is small goes with the result; the rest as a file beside it."""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from soc_agent.folders import Folders
from soc_agent.journal import State
from soc_agent.spool import keep_file

Outcome = tuple[State, dict[str, Any]]
Row = dict[str, Any]
MAX_ANSWER = 1024 * 1024
MAX_ROWS, MAX_CELL = 20_000, 2_000
_INLINE_ROWS, _INLINE_CELL, _INLINE = 100, 250, 12_000


@dataclass(slots=True)
class Answer:
    """`facts` are the few values that the portal reads by name; `truncated` says that there was more."""

    rows: list[Row] = field(default_factory=list)
    text: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    artefacts: list[dict[str, Any]] = field(default_factory=list)
    truncated: bool = False
    state: State = State.SUCCEEDED


def table(rows: Iterable[Row], **facts: Any) -> Answer:
    """As many rows as an answer holds."""
    kept: list[Row] = []
    size = 2
    taken = islice(rows, MAX_ROWS + 1)
    for row in taken:
        clean = {name: _cell(value) for name, value in row.items()}
        size += len(json.dumps(clean)) + 2
        if size > MAX_ANSWER or len(kept) >= MAX_ROWS:
            return Answer(rows=kept, facts=facts, truncated=True)
        kept.append(clean)
    return Answer(rows=kept, facts=facts)


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")[:MAX_CELL]


def outcome(answer: Answer, order_id: str, folders: Folders) -> Outcome:
    """As the journal keeps it: small answers whole, larger ones named by the digest of the file that holds them."""
    text = answer.text.encode("utf-8", "replace").decode()[:MAX_ANSWER]
    columns = list(dict.fromkeys(name for row in answer.rows[:50] for name in row))
    result: dict[str, Any] = {
        **answer.facts,
        "columns": columns,
        "truncated": answer.truncated or len(answer.text) > MAX_ANSWER,
    }
    whole = {"order": order_id, "rows": answer.rows, "text": text}
    encoded = json.dumps(whole).encode()
    if len(encoded) <= _INLINE and len(answer.rows) <= _INLINE_ROWS and _is_short(answer, text):
        return answer.state, {**result, "rows": answer.rows, "text": text, "artefacts": answer.artefacts}
    kept = keep_bytes(encoded, "answer.json", folders)
    return answer.state, {**result, "answer": kept["sha256"], "artefacts": [*answer.artefacts, kept]}


def _is_short(answer: Answer, text: str) -> bool:
    cells = (cell for row in answer.rows for cell in row.values() if isinstance(cell, str))
    return len(text) <= _INLINE_CELL and all(len(cell) <= _INLINE_CELL for cell in cells)


def keep_bytes(content: bytes, name: str, folders: Folders) -> Mapping[str, Any]:
    """A file on its way to the portal."""
    folders.spool.mkdir(mode=0o750, parents=True, exist_ok=True)
    draft = folders.state / f".answer-{secrets.token_hex(8)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        return keep_file(Path(draft), name, "application/json", folders)
    finally:
        draft.unlink(missing_ok=True)
