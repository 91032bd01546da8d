"""What was begun and how it ended, written before and after each effect and flushed to the disk.

A command that comes again is answered from here. After a crash nothing that was begun is begun again unless reading
it twice does no harm: its outcome is `unknown`, and people decide.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from soc_agent.orders import Command, Effect

# Answers that the portal has taken are kept so long, so that a late repetition is still recognised.
KEPT_S = 30 * 86400


class State(StrEnum):
    STARTED = "started"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Entry:
    """One command, as far as it came. `result` is what is answered, `acknowledged` whether the portal has it."""

    id: str
    action: str
    effect: Effect
    state: State
    result: Mapping[str, Any]
    acknowledged: bool
    began: float
    ended: float | None


_TABLES = """
CREATE TABLE IF NOT EXISTS command (
    id TEXT PRIMARY KEY, action TEXT NOT NULL, effect TEXT NOT NULL, state TEXT NOT NULL, result TEXT NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0, began REAL NOT NULL, ended REAL
) STRICT;
CREATE TABLE IF NOT EXISTS wanted (
    one INTEGER PRIMARY KEY CHECK (one = 1), generation INTEGER NOT NULL, envelope TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


class Journal:
    """One writer at a time; open it in the process that has the effects."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_TABLES)
        self._lock = threading.RLock()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _do(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        with self._lock:
            return self._db.execute(statement, values)

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that is written inside, or nothing of it."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has ended it already
                    self._db.execute("ROLLBACK")
                raise

    def begin(self, command: Command) -> Entry | None:
        """Note that the command is begun, before anything is done; the entry that is there already, if it came
        before."""
        row = self._do(
            "INSERT INTO command (id, action, effect, state, result, began) VALUES (?, ?, ?, ?, '{}', ?) "
            "ON CONFLICT (id) DO NOTHING RETURNING id",
            (command.id, command.action, command.effect, State.STARTED, time.time()),
        ).fetchone()
        return None if row else self.entry(command.id)

    def end(self, command_id: str, state: State, result: Mapping[str, Any]) -> None:
        """The first outcome counts."""
        self._do(
            "UPDATE command SET state = ?, result = ?, ended = ? WHERE id = ? AND state = ?",
            (state, json.dumps(result), time.time(), command_id, State.STARTED),
        )

    def entry(self, command_id: str) -> Entry | None:
        row = self._do(f"SELECT {_COLUMNS} FROM command WHERE id = ?", (command_id,)).fetchone()
        return _entry(row) if row else None

    def unanswered(self, limit: int = 50) -> list[Entry]:
        """What is over and not yet acknowledged, the oldest first."""
        rows = self._do(
            f"SELECT {_COLUMNS} FROM command WHERE NOT acknowledged AND state <> ? ORDER BY began LIMIT ?",
            (State.STARTED, limit),
        )
        return [_entry(row) for row in rows]

    def begun(self) -> list[Entry]:
        """What runs now."""
        return [_entry(row) for row in self._do(f"SELECT {_COLUMNS} FROM command WHERE state = ?", (State.STARTED,))]

    def acknowledge(self, command_id: str) -> None:
        self._do("UPDATE command SET acknowledged = 1 WHERE id = ? AND state <> ?", (command_id, State.STARTED))

    def recover(self) -> list[Entry]:
        """After a start: what was begun and never ended. What only reads is forgotten, so that it may be done when it
        comes again; of everything else nobody knows how far it came."""
        self._do("DELETE FROM command WHERE state = ? AND effect = ?", (State.STARTED, Effect.COLLECT))
        rows = self._do(
            f"UPDATE command SET state = ?, ended = ?, result = ? WHERE state = ? RETURNING {_COLUMNS}",
            (State.UNKNOWN, time.time(), json.dumps({"detail": "The agent stopped while this was done."}),
             State.STARTED),
        )  # fmt: skip
        return [_entry(row) for row in rows.fetchall()]

    def forget(self, *, before: float | None = None) -> int:
        """Acknowledged commands whose expiry is long over."""
        limit = time.time() - KEPT_S if before is None else before
        return self._do("DELETE FROM command WHERE acknowledged AND ended < ?", (limit,)).rowcount

    @property
    def depth(self) -> int:
        """How many commands the portal does not know the end of."""
        return int(self._do("SELECT count(*) FROM command WHERE NOT acknowledged").fetchone()[0])

    def want(self, generation: int, envelope: str) -> bool:
        """Keep a wanted state unless a newer one is kept; whether it was kept."""
        return bool(self._do(
            "INSERT INTO wanted (one, generation, envelope) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE "
            "SET generation = excluded.generation, envelope = excluded.envelope "
            "WHERE wanted.generation < excluded.generation",
            (generation, envelope),
        ).rowcount)  # fmt: skip

    def want_nothing(self) -> None:
        """Forget the wanted state and how new it was: another portal, or another key, counts from the beginning."""
        self._do("DELETE FROM wanted")

    def wanted(self) -> tuple[int, str]:
        """Generation and envelope of the wanted state; 0 and nothing when there is none."""
        row = self._do("SELECT generation, envelope FROM wanted").fetchone()
        return (int(row[0]), str(row[1])) if row else (0, "")

    def note(self, key: str, value: Mapping[str, Any]) -> None:
        self._do(
            "INSERT INTO note VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, json.dumps(value)),
        )

    def noted(self, key: str) -> dict[str, Any]:
        row = self._do("SELECT value FROM note WHERE key = ?", (key,)).fetchone()
        return dict(json.loads(row[0])) if row else {}


_COLUMNS = "id, action, effect, state, result, acknowledged, began, ended"


def _entry(row: tuple[Any, ...]) -> Entry:
    pk, action, effect, state, result, acknowledged, began, ended = row
    return Entry(pk, action, Effect(effect), State(state), json.loads(result), bool(acknowledged), began, ended)
