"""A session of live response as a person has it: lines that are typed, what came of each, what a raw shell showed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from soc_portal.up.processes import wait_until
from tests.lab.estate import Estate

OPEN = {"waiting", "queued", "started"}


@dataclass
class Console:
    """A session on one host, by its API."""

    lab: Estate
    number: str

    def type(self, line: str) -> dict[str, Any]:
        return dict(self.lab.done_by("typist", f"/live-sessions/{self.number}/type", {"line": line}, 201))

    def state(self, number: int) -> dict[str, Any]:
        rows = self.lab.read(f"/live-sessions/{self.number}/commands")["results"]
        return next(dict(row) for row in rows if row["number"] == number)

    def done(self, line: str, *, wanted: str = "succeeded") -> dict[str, Any]:
        """What came of a line."""
        number = self.type(line)["number"]
        assert wait_until(lambda: self.state(number)["state"] not in OPEN, seconds=180), self.lab.portal.last_lines()
        row = self.state(number)
        assert row["state"] == wanted, row
        return row


@contextmanager
def opened(lab: Estate, device: str) -> Iterator[Console]:
    """A session of `typist`, active; the people come when the first one is opened."""
    if "typist" not in lab.tokens:
        lab.tokens |= json.loads(shell_of(lab, "lay()").splitlines()[-1])
    number = lab.done_by("typist", "/live-sessions", {"device_id": device, "reason": "For real"}, 201)["id"]
    active = lab.seen("SELECT state = 'active' FROM live_response_livesession WHERE id = %s", int(number))
    assert wait_until(active, seconds=90), lab.portal.last_lines()
    try:
        yield Console(lab, number)
    finally:
        lab.api.post(f"/live-sessions/{number}/end", {}, token=lab.tokens["typist"])


def shell_of(lab: Estate, code: str) -> str:
    told = lab.portal.run("manage", "shell", "-v0", "-c", f"from tests.lab.live_people import *; {code}")
    assert told.returncode == 0, told.stderr
    return told.stdout


@dataclass
class Said:
    """What the recording of a session holds of what was shown."""

    lab: Estate
    session: int

    def text(self) -> str:
        query = (
            f"SELECT data FROM live_response_recordedline WHERE session_id = {self.session} AND kind = 'o' ORDER BY seq"
        )
        return "".join(str(row[0]) for row in self.lab.ledger.rows(query))
