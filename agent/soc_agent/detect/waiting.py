"""Alerts that the portal does not have yet, in the helper's journal: a host that is cut off for days loses none but the
oldest, and says how many."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MOST = 10_000
_TABLE = """
CREATE TABLE IF NOT EXISTS alert (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL, stored REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


class Waiting:
    """A connection of its own to the journal, used by the detector's threads alone."""

    def __init__(self, path: Path, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLE)

    def keep(self, alert: dict[str, Any]) -> None:
        """The oldest make room, and are counted."""
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO alert (id, body, stored) VALUES (?, ?, ?)",
                             (alert["id"], json.dumps(alert), time.time()))  # fmt: skip
            dropped = self._db.execute(
                "DELETE FROM alert WHERE place <= (SELECT max(place) FROM alert) - ?", (self._most,)
            ).rowcount
            if dropped:
                self._db.execute(
                    "INSERT INTO note VALUES ('alerts_dropped', ?) ON CONFLICT (key) DO UPDATE SET value = value + ?",
                    (str(dropped), dropped),
                )

    def first(self, count: int = 50) -> list[dict[str, Any]]:
        with self._lock:
            rows = self._db.execute("SELECT body FROM alert ORDER BY place LIMIT ?", (count,)).fetchall()
        return [dict(json.loads(row[0])) for row in rows]

    def taken(self, ids: Iterable[str]) -> None:
        with self._lock:
            self._db.executemany("DELETE FROM alert WHERE id = ?", [(one,) for one in ids])

    @property
    def count(self) -> int:
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM alert").fetchone()[0])

    @property
    def dropped(self) -> int:
        with self._lock:
            row = self._db.execute("SELECT value FROM note WHERE key = 'alerts_dropped'").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        with self._lock:
            self._db.close()
