"""A part of an investigation package as tables. All of it was made on a device that may belong to an attacker, so every
shape is taken, every text is cut, and what cannot be read as a table is left to the raw view."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

MOST_ROWS, MOST_COLUMNS, MOST_TABLES, MOST_LISTED = 1_000, 16, 60, 30
MOST_CELLS, MOST_TEXT, MOST_LONG = 8_000, 400, 20_000
# Of a file of commas: its first line may name more columns than anybody reads, and each row would have all of them.
MOST_NAMES = 100
# What of a row is a moment in seconds since 1970, a number of bytes, text in many lines.
_TIMES = {"create_time", "modified", "changed", "accessed", "booted", "made", "began", "ended"}
_SIZES = {"size", "bytes", "memory_bytes"}
_LONG = {"content", "output", "errors", "text"}
_DIGESTS = {"sha256", "device", "order", "machine_id"}
_CODE = {"sha256", "path", "exe", "cmdline", "cwd", "command", "entry", "local", "remote", "mac", "home", "shell"}
_WORDS = {
    "pid": "PID", "ppid": "Parent", "uid": "UID", "gid": "GID", "sha256": "SHA-256", "exe": "Program",
    "cmdline": "Command line", "cwd": "Folder", "create_time": "Started", "num_threads": "Threads", "username": "User",
    "name": "Name", "network_namespace": "Network", "deleted": "Deleted", "dns_name": "DNS name", "os": "System",
    "os_version": "Version", "os_id": "Kind of system", "machine_id": "Machine id", "mac": "Hardware address",
    "memory_bytes": "Memory", "cpus": "Processors", "may_log_in": "May sign in", "link_to": "Leads to",
    "says": "What", "items": "Found", "command": "Command", "code": "Exit code", "host_name": "Host name",
}  # fmt: skip
_FIRST = ("name", "path", "pid", "ppid", "username", "status", "create_time", "cmdline", "exe", "sha256", "says")
_FAMILIES = {"1": "Unix", "2": "IPv4", "10": "IPv6", "AF_UNIX": "Unix", "AF_INET": "IPv4", "AF_INET6": "IPv6"}
_TYPES = {"1": "Stream", "2": "Datagram", "3": "Raw", "5": "Sequence", "SOCK_STREAM": "Stream",
          "SOCK_DGRAM": "Datagram", "SOCK_SEQPACKET": "Sequence"}  # fmt: skip
_NAMED: Mapping[str, Mapping[str, str]] = {"family": _FAMILIES, "type": _TYPES}
_LATEST = 2**33
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """`kind` is time, size, hash, code, long or plain; `value` fits it."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one kind of thing, or, without columns, the facts of one thing, or what a program said."""

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    facts: Sequence[tuple[str, Cell]] = ()
    said: str = ""
    note: str = ""
    left_out: int = 0


def tables_of(name: str, text: str) -> list[Table]:
    """Empty when it is no list of things."""
    if name.endswith(".csv"):
        return _of_csv(text)
    if name.endswith(".jsonl"):
        return _of_rows([row for line in text.splitlines() if (row := _read(line)) is not None])
    whole = _read(text) if name.endswith(".json") else None
    return _of_thing(whole) if whole is not None else []


def _read(text: str) -> Row | None:
    """One thing, whatever the rest of the file is: its last line may be cut."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _of_csv(text: str) -> list[Table]:
    try:
        lines = filter(None, csv.reader(io.StringIO(text, newline="")))
        names = next(lines, [])[:MOST_NAMES]
        rows = [
            {name: value for name, value in zip(names, line, strict=False) if name} for line in islice(lines, MOST_ROWS)
        ]
        more = sum(1 for _ in lines)
    except csv.Error:
        return []
    table = _table("", rows)
    return [replace(table, left_out=table.left_out + more)] if table.columns else []


def _of_rows(rows: Sequence[Row]) -> list[Table]:
    if rows and all("command" in row and ("output" in row or "error" in row) for row in rows):
        return [_said(row) for row in rows[:MOST_TABLES]]
    if len(rows) == 1 and any(isinstance(one, dict | list) for one in rows[0].values()):
        return _of_thing(rows[0])
    return [_table("", rows)] if rows else []


def _said(row: Row) -> Table:
    """What a program said, with what it complained of."""
    code = row.get("code")
    note = _text(row.get("error")) or ("" if code in (0, None) else f"Exit code {_text(code)}")
    complaints = _text(row.get("errors"), 2_000).strip()
    return Table(_text(row["command"]), said=str(row.get("output") or "")[: 10 * MOST_LONG],
                 note=". ".join(filter(None, [note, complaints])))  # fmt: skip


def _of_thing(thing: Row) -> list[Table]:
    """Its plain facts first, then what of it is a list or a thing of its own."""
    plain = {name: value for name, value in thing.items() if not _is_nested(value)}
    tables = [_facts("", plain)] if plain else []
    for name, value in list(thing.items())[:MOST_TABLES]:
        if isinstance(value, dict) and value:
            tables.append(_facts(word_of(name), value))
        elif _is_nested(value) and value:
            tables.append(_table(word_of(name), [one for one in value if isinstance(one, dict)]))
    return tables[:MOST_TABLES]


def _is_nested(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value))


def _facts(title: str, thing: Row) -> Table:
    pairs = list(thing.items())[: MOST_COLUMNS * 4]
    return Table(title, facts=[(word_of(name), _cell(name, value)) for name, value in pairs])


def _table(title: str, rows: Sequence[Row]) -> Table:
    names = _columns(rows[:MOST_ROWS])
    shown = rows[: min(MOST_ROWS, MOST_CELLS // max(1, len(names)))]
    cells = [[_cell(name, row.get(name)) for name in names] for row in shown]
    return Table(title, [word_of(name) for name in names], cells, left_out=len(rows) - len(shown))


def _columns(rows: Iterable[Row]) -> list[str]:
    """What people look for first stands first; what no row has a value of is left out."""
    seen: dict[str, None] = {}
    for row in rows:
        seen.update(dict.fromkeys(name for name, value in row.items() if value not in (None, "", [], {})))
    first = [name for name in _FIRST if name in seen]
    rest = [name for name in seen if name not in first and name not in _LONG]
    return [*first, *rest, *(name for name in seen if name in _LONG)][:MOST_COLUMNS]


def _cell(name: str, value: Any) -> Cell:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in _TIMES and number and 0 < value < _LATEST:
        return Cell("time", datetime.fromtimestamp(value, UTC))
    if name in _SIZES and number and 0 <= value < 2**60:
        return Cell("size", int(value))
    if name in _LONG and isinstance(value, str) and value:
        return Cell("long", value[:MOST_LONG])
    if name in _DIGESTS and isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value, re.ASCII):
        return Cell("hash", value)
    if name in _NAMED:
        text = _text(value).rpartition(".")[2]
        return Cell("", _NAMED[name].get(text, text))
    return Cell("code" if name in _CODE else "", _text(value))


def _text(value: Any, most: int = MOST_TEXT) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        listed = [one for one in value[:MOST_LISTED] if not isinstance(one, list)]
        plain = all(isinstance(one, str | int | float) for one in listed)
        return (" " if plain else "; ").join(_text(one, 200) for one in listed)[:most]
    if isinstance(value, dict):
        return ", ".join(f"{_text(name, 60)}: {_flat(one)}" for name, one in list(value.items())[:10])[:most]
    return str(value)[:most]


def _flat(value: Any) -> str:
    return "…" if isinstance(value, dict | list) else _text(value, 100)


def word_of(name: str) -> str:
    """The heading of a column; a device may call it anything."""
    return _WORDS.get(name) or name[:60].replace("_", " ").capitalize()
