"""What indicators met on this host: kept on the disk, told to the portal until it has it, bounded."""

import json
import sqlite3
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MOST_KEPT, TOLD_AT_ONCE = 20_000, 100
# The same thing met again within this time is the same hit, with a higher count.
SAME_WITHIN_S = 60.0


class HitBook:
    """One writer process; its threads take turns. Whether a hit is worth an alert is for the portal to say: it knows
    what the indicator asks for, and whether something else told of the same."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS hit (id INTEGER PRIMARY KEY AUTOINCREMENT, same TEXT NOT NULL,"
            " at REAL NOT NULL, told INTEGER NOT NULL DEFAULT 0, times INTEGER NOT NULL DEFAULT 1,"
            " value TEXT NOT NULL) STRICT"
        )
        self._turn = threading.Lock()
        self._shown: tuple[int, int] = (0, 0)

    def close(self) -> None:
        self._db.close()

    def add(self, indicator: str, did: str, *, at: float | None = None, **about: Any) -> None:
        """`did` is audited, warned or blocked; `about` says what: path, sha256, address, process, title."""
        moment = time.time() if at is None else at
        same = json.dumps([indicator, did, about.get("path"), about.get("address")])
        value = {"indicator": indicator, "did": did, "at": _as_text(moment), **about}
        with self._turn:
            if self._db.execute(
                "UPDATE hit SET times = times + 1 WHERE id = (SELECT max(id) FROM hit WHERE same = ?) AND at > ?",
                (same, moment - SAME_WITHIN_S),
            ).rowcount:
                return
            number = self._db.execute("INSERT INTO hit (same, at, value) VALUES (?, ?, ?)",
                                      (same, moment, json.dumps(value))).lastrowid  # fmt: skip
            self._db.execute("DELETE FROM hit WHERE id <= ?", ((number or 0) - MOST_KEPT,))

    def untold(self) -> list[dict[str, Any]]:
        """The oldest that the portal may not have, oldest first."""
        with self._turn:
            rows = self._db.execute("SELECT id, times, value FROM hit WHERE NOT told ORDER BY id LIMIT ?",
                                    (TOLD_AT_ONCE,)).fetchall()  # fmt: skip
            if rows:
                self._shown = (rows[-1][0], self._shown[1] if self._shown[0] == rows[-1][0] else 0)
        return [{**json.loads(value), "id": _name(number), "times": times} for number, times, value in rows]

    def heard(self) -> None:
        """The portal answered. Only its second answer is surely to a report that held what was shown before."""
        with self._turn:
            last, answers = self._shown
            self._shown = (last, answers + 1)
            if last and answers + 1 >= 2:
                self._db.execute("UPDATE hit SET told = 1 WHERE id <= ?", (last,))

    @property
    def last(self) -> str:
        return _name(self._db.execute("SELECT coalesce(max(id), 0) FROM hit").fetchone()[0])


def _name(number: int) -> str:
    """Sorts as text in the order in which they came."""
    return f"{number:012d}"


def _as_text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
