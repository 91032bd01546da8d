"""A portal with actions under way, and words that are said to it with the pass phrase of its backups."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from soc_portal.up.data_folder import ROOT
from soc_portal.up.processes import wait_until
from tests.crash.clients import Api, alert
from tests.crash.ledger import Ledger
from tests.started_portal import StartedPortal

PASS_PHRASE = "five words nobody would guess"
REACHED = {
    "verified": "succeeded", "queued": "queued", "offline": "queued", "delivered": "delivered", "started": "started",
}  # fmt: skip


@dataclass
class Lived:
    """`runs` are the ids of the isolations that were asked for, by the state in which each stays."""

    portal: StartedPortal
    devices: dict[str, str]
    tokens: dict[str, str]
    api: Api
    runs: dict[str, str] = field(default_factory=dict)
    sent: int = 0

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.portal)

    def send_alerts(self, count: int = 20) -> None:
        body = [alert(number) for number in range(self.sent, self.sent + count)]
        status, told = self.api.post("/ingest/graph?source=backup", body, token=self.tokens["sensor"])
        assert (status, told["rejected"]) == (202, [])
        self.sent += count

    def isolate(self, name: str) -> str:
        body = {
            "action": "device.isolate", "target": {"kind": "device", "id": self.devices[name]},
            "arguments": {"isolation_type": "full"}, "comment": "Backup test",
        }  # fmt: skip
        status, told = self.api.post("/actions", body, token=self.tokens["asker"])
        assert status == 201, told
        return str(told["id"])

    def approve(self, run: str) -> None:
        status, told = self.api.post(f"/actions/{run}/approve", {}, token=self.tokens["decider"])
        assert status == 200, told

    def status_of(self, run: str) -> str:
        return str(self.ledger.value("SELECT status FROM remediation_actionrun WHERE id = %s", run))


def live(portal: StartedPortal) -> Lived:
    """Alerts, one action that was carried out, and one in each state on the way."""
    told = portal.run("manage", "shell", "-v0", "-c", "from tests.operations.underway import lay; lay()")
    assert told.returncode == 0, told.stderr
    company: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    lived = Lived(portal, company["devices"], company["tokens"], Api(portal.url, threading.Event(), patience_s=30))
    lived.send_alerts()
    lived.runs = {name: lived.isolate(name) for name in ("pending", *REACHED)}
    for name, status in REACHED.items():
        lived.approve(lived.runs[name])
        assert wait_until(lambda run=lived.runs[name], status=status: lived.status_of(run) == status, seconds=60), name  # type: ignore[misc]
    return lived


def word(
    *words: str | Path,
    pass_phrase: str = PASS_PHRASE,
    before: Callable[[], None] | None = None,
    servers: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """A word of `./soc` as a shell says it in which only the pass phrase (and `servers`) is set."""
    return subprocess.run(
        _command(words), env=_env(pass_phrase, servers), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, preexec_fn=before,
    )  # fmt: skip


def begin(
    *words: str | Path, servers: Mapping[str, str] = MappingProxyType({}), log: IO[bytes]
) -> subprocess.Popen[bytes]:
    """The same, still running."""
    return subprocess.Popen(
        _command(words), env=_env(PASS_PHRASE, servers), stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )


def _command(words: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-P", "-m", "soc_portal.up", *map(str, words)]


def _env(pass_phrase: str, servers: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR"}}
    env = {**kept, **servers, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "soc_portal.settings"}
    return {**env, "SOC_BACKUP_PASSPHRASE": pass_phrase}
