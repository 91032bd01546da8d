"""The entities that a batch touches, by every name they go by, and how they are written back."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

MAX_ALIASES = 50
# Columns without a default in the database, by table.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "incidents_device": {
        "risk_level": "none", "exposure_level": "noData", "criticality": "none", "value": "normal",
        "internet_facing": False, "is_hub": False, "mitigation": {}, "version": 1,
    },
    "incidents_identity": {
        "department": "", "job_title": "", "tags": [], "risk_level": "none", "criticality": "none", "is_hub": False,
        "mitigation": {}, "version": 1,
    },
    "incidents_file": {"tags": [], "is_hub": False, "version": 1},
    "incidents_mailbox": {
        "tags": [], "risk_level": "none", "criticality": "none", "is_hub": False, "mitigation": {}, "version": 1,
    },
}  # fmt: skip
_WITH_ALIASES = frozenset({"incidents_device", "incidents_identity"})


@dataclass(slots=True, eq=False)
class Known:
    """One entity row: `id` is None until it is stored; `changed` names the columns to write back."""

    id: int | None
    key: str
    last_seen: datetime
    aliases: set[str]
    columns: dict[str, Any]
    changed: set[str] = field(default_factory=set)
    seen: datetime | None = None

    @property
    def bare_name(self) -> str:
        """Of `host.corp.example`, `user@corp.example` and `corp\\user`: the name without its domain."""
        return self.key.rpartition("\\")[2].partition("@")[0].partition(".")[0]

    @property
    def pk(self) -> int:
        if self.id is None:
            raise LookupError(f"{self.key} is not stored yet.")
        return self.id

    def see(self, first: datetime, last: datetime) -> None:
        """It was seen from then to then, in this batch."""
        self.seen = max(self.seen or last, last)
        if self.id is None:
            self.columns |= {"first_seen": min(self.columns["first_seen"], first), "last_seen": self.seen}

    def set(self, column: str, value: Any) -> None:
        if self.columns.get(column) != value:
            self.columns[column] = value
            self.changed.add(column)


class EntityIndex:
    """Rows by key and alias. A name that two rows could go by names neither of them (an ambiguous host name must
    never decide which machine is isolated)."""

    def __init__(self, rows: Iterable[Known]) -> None:
        self._rows = list(rows)
        self._named: dict[str, list[Known]] = defaultdict(list)
        for row in self._rows:
            for name in {row.key, *row.aliases}:
                self._named[name].append(row)

    def one(self, name: str) -> Known | None:
        """The row of that key or alias; an own key goes before somebody else's alias."""
        rows = self._named.get(name, ()) if name else ()
        return next((row for row in rows if row.key == name), rows[0] if len(rows) == 1 else None)

    def by_weak_name(self, bare: str, *, whole_name: str, domain: str = "") -> Known | None:
        """The only row that may go by this bare name, given what else is said: another domain is another thing."""
        if not bare:
            return None
        rows = [row for row in self._named.get(bare, ()) if _may_be(row, bare, whole_name, domain)]
        return rows[0] if len(rows) == 1 else next((row for row in rows if row.key == bare), None)

    def add(self, key: str, columns: dict[str, Any]) -> Known:
        row = Known(None, key, columns["last_seen"], set(), columns)
        self._rows.append(row)
        self._named[key].append(row)
        return row

    def name(self, row: Known, name: str) -> None:
        """Let the row be found by that name in this batch; not stored."""
        if row not in self._named[name]:
            self._named[name].append(row)

    def add_alias(self, row: Known, alias: str) -> None:
        """Give the row a further name that identifies it; a name that is taken stays with its owner."""
        if alias and alias != row.key and alias not in row.aliases and not self._named.get(alias):
            self._take(row, alias)

    def add_weak_alias(self, row: Known, bare: str) -> None:
        """A bare name is an alias as long as one row goes by it; the second one takes it from both. An account of the
        directory goes before accounts of single machines."""
        if not bare or bare == row.key or bare in row.aliases:
            return
        holders = [holder for holder in self._named.get(bare, ()) if holder is not row]
        best = max((_is_whole(holder.key) for holder in holders), default=False)
        if not holders or (_is_whole(row.key) and not best and all(holder.key != bare for holder in holders)):
            self._drop_alias(bare, holders)
            self._take(row, bare)
        elif _is_whole(row.key) == best:
            self._drop_alias(bare, holders)

    def _drop_alias(self, alias: str, holders: Iterable[Known]) -> None:
        for holder in holders:
            if alias in holder.aliases:
                holder.aliases.discard(alias)
                holder.changed.add("aliases")
                self._named[alias].remove(holder)

    def _take(self, row: Known, alias: str) -> None:
        if len(row.aliases) < MAX_ALIASES:
            row.aliases.add(alias)
            row.changed.add("aliases")
            self._named[alias].append(row)

    def rename(self, row: Known, key: str) -> None:
        """A better key is known now; the old one stays as an alias."""
        if self._named.get(key) and self.one(key) is not row:
            return
        row.aliases.add(row.key)
        row.key = key
        row.aliases.discard(key)
        row.changed |= {"key", "aliases"}
        self.name(row, key)

    def store(self, table: str, *, used: Iterable[Known], at: datetime, exercise: str) -> None:
        """Insert what is new, write back what changed, and note what was seen again."""
        fresh = sorted((row for row in self._rows if row.id is None), key=lambda row: row.key)
        if fresh:
            _insert(table, fresh)
        for row in sorted((row for row in self._rows if row.changed), key=lambda row: row.pk):
            _write_back(table, row)
        _touch(table, used, at, exercise)


def _is_whole(key: str) -> bool:
    """A principal name, as opposed to `machine\\name`."""
    return "@" in key


def _may_be(row: Known, bare: str, whole_name: str, domain: str) -> bool:
    """Whether a row that goes by the bare name may be meant."""
    if row.key in (bare, whole_name):
        return True
    said = (domain or _domain_of(whole_name, bare)).partition(".")[0].lower()
    known = (_domain_of(row.key, bare) or row.columns.get("domain") or "").partition(".")[0].lower()
    return not said or not known or said == known


def _domain_of(name: str, bare: str) -> str:
    """`corp.example` of `host.corp.example` and `user@corp.example`, `corp` of `corp\\user`."""
    if "@" in name:
        return name.rpartition("@")[2]
    if "\\" in name:
        return name.partition("\\")[0]
    return name.removeprefix(f"{bare}.") if name.startswith(f"{bare}.") else ""


def _insert(table: str, rows: list[Known]) -> None:
    """Insert the rows; a key that another batch made in the meantime is taken over."""
    defaults = _DEFAULTS[table]
    complete = [{"key": row.key, **row.columns, **defaults} for row in rows]
    if table in _WITH_ALIASES:
        for values, row in zip(complete, rows, strict=True):
            values["aliases"] = sorted(row.aliases)
    names = ", ".join(complete[0])
    with connection.cursor() as cursor:
        # The types come from the table itself, and one JSON text is far cheaper than a parameter for each value.
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb) "
            f"ON CONFLICT (key) DO UPDATE SET last_seen = GREATEST({table}.last_seen, excluded.last_seen) "
            "RETURNING id, key",
            [orjson.dumps(complete).decode()],
        )
        ids = {key: pk for pk, key in cursor.fetchall()}
    for row in rows:
        row.id = ids[row.key]
        row.changed.clear()


def _write_back(table: str, row: Known) -> None:
    values: dict[str, Any] = {name: row.columns[name] for name in sorted(row.changed - {"key", "aliases"})}
    if "key" in row.changed:
        values["key"] = row.key
    if "aliases" in row.changed and table in _WITH_ALIASES:
        values["aliases"] = sorted(row.aliases)
    if values:
        settings = ", ".join(f"{name} = %s" for name in values)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {settings} WHERE id = %s", [*values.values(), row.pk])
    row.changed.clear()


def _touch(table: str, used: Iterable[Known], at: datetime, exercise: str) -> None:
    """Move `last_seen` on, and take real things out of an exercise that named them first. Rows that another batch
    holds are passed over: it notes them itself."""
    rows = list(used)
    due = {row.pk: row for row in rows if _minute(row.last_seen) < _minute(row.seen or at)}
    real = {row.pk: row for row in rows if not exercise and row.columns.get("exercise")}
    if not due and not real:
        return
    touched = sorted((due | real).items())
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH seen AS (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[]) AS s(id, at)), free AS MATERIALIZED ("
            f"SELECT id FROM {table} WHERE id IN (SELECT id FROM seen) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) "
            f"UPDATE {table} t SET last_seen = GREATEST(last_seen, seen.at), "
            "exercise = CASE WHEN t.id = ANY(%s) THEN '' ELSE exercise END "
            "FROM free JOIN seen USING (id) WHERE t.id = free.id",
            [[pk for pk, _ in touched], [row.seen or at for _, row in touched], sorted(real)],
        )


def _minute(at: datetime) -> datetime:
    """As pages say it. What was seen within the same minute is not written again: most alerts name things that were
    just named."""
    return at.replace(second=0, microsecond=0)
