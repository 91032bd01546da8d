"""A whole portal with a lab of hosts, as people run them: what is asked over the API happens to the hosts for real."""

import json
import shutil
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soc_portal.lab import able, conductor
from soc_portal.lab.conductor import Lab
from soc_portal.up.processes import wait_until
from tests.crash.clients import Api
from tests.crash.ledger import Ledger
from tests.started_portal import StartedPortal

OPEN = {"waiting", "queued", "delivered", "started"}
FILE = "#microsoft.graph.security.fileEvidence"
DEVICE = "#microsoft.graph.security.deviceEvidence"


@dataclass
class Estate:
    """`devices` are the portal's ids by host name; tokens `sensor`, `asker`, `decider`, `chief` and `deputy` belong to
    five: the last two administer."""

    portal: StartedPortal
    tokens: dict[str, str]
    api: Api
    devices: dict[str, str] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.portal)

    def ask(self, action: str, host: str, **arguments: str) -> str:
        """The id of the run, decided where that is needed."""
        return self._ask(action, {"kind": "device", "id": self.devices[host]}, arguments)

    def ask_of_device(self, action: str, device: str, **arguments: str) -> str:
        """As `ask`, of a device by its id: one that is no host of the lab's own."""
        return self._ask(action, {"kind": "device", "id": device}, arguments)

    def ask_of_file(self, action: str, sha256: str, **arguments: str) -> str:
        pk = self.ledger.value("SELECT id FROM incidents_file WHERE sha256 = %s", sha256)
        return self._ask(action, {"kind": "file", "id": str(pk)}, arguments)

    def ask_of_identity(self, action: str, identity: str, **arguments: str) -> str:
        return self._ask(action, {"kind": "identity", "id": identity}, arguments)

    def ask_as_administrator(self, action: str, host: str) -> str:
        body = {"action": action, "target": {"kind": "device", "id": self.devices[host]}, "comment": "For real"}
        told = self.done_by("chief", "/actions", body, 201)
        if told["decision"] == "pending":
            self.done_by("deputy", f"/actions/{told['id']}/approve", {})
        return str(told["id"])

    def undo(self, run: str) -> str:
        """The id of the run that takes it back."""
        return self._decided(self.done_by("asker", f"/actions/{run}/undo", {"comment": "Back again"}, 201))

    def _ask(self, action: str, target: dict[str, str], arguments: dict[str, str]) -> str:
        body = {"action": action, "target": target, "arguments": arguments, "comment": "For real"}
        return self._decided(self.done_by("asker", "/actions", body, 201))

    def _decided(self, told: dict[str, Any]) -> str:
        if told["decision"] == "pending":
            self.done_by("decider", f"/actions/{told['id']}/approve", {})
        return str(told["id"])

    def done_by(self, who: str, path: str, body: object, wanted: int = 200) -> Any:
        """What the API answers to a POST of somebody's, which has to go well."""
        status, told = self.api.post(path, body, token=self.tokens[who])
        assert status == wanted, told
        return told

    def got(self, path: str, body: object = None) -> bytes:
        """What the API answers an administrator, as it comes."""
        headers = {"Authorization": f"Bearer {self.tokens['chief']}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        asking = urllib.request.Request(f"{self.portal.url}/api/v1{path}", content, headers)
        with urllib.request.urlopen(asking, timeout=60) as answer:
            return bytes(answer.read())

    def read(self, path: str) -> Any:
        return json.loads(self.got(path))

    def status_of(self, run: str) -> str:
        return str(self.ledger.value("SELECT status FROM remediation_actionrun WHERE id = %s", run))

    def ended(self, run: str, *, seconds: float = 150) -> str:
        """Its status once it is over."""
        assert wait_until(lambda: self.status_of(run) not in OPEN, seconds=seconds), self.portal.last_lines()
        return self.status_of(run)

    def done(self, run: str, *, seconds: float = 150) -> None:
        status = self.ended(run, seconds=seconds)
        told = self.ledger.rows(
            "SELECT r.target_name, r.status, r.status_detail, d.result FROM remediation_actionrun r "
            "LEFT JOIN connectors_delivery d ON d.reference = 'run:' || r.id WHERE %s IN (r.id, r.parent_id)", run
        )  # fmt: skip
        assert status == "succeeded", (told, self.portal.last_lines())

    def result_of(self, run: str) -> dict[str, Any]:
        value = self.ledger.value(
            "SELECT result FROM connectors_delivery WHERE reference = %s", f"run:{run}"
        )  # fmt: skip
        return dict(value)

    def children_of(self, run: str) -> list[str]:
        rows = self.ledger.rows(f"SELECT id FROM remediation_actionrun WHERE parent_id = {int(run)} ORDER BY id")
        return [str(row[0]) for row in rows]

    def on(self, host: str, *command: str, given: bytes | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command on a host, from outside of its agent."""
        return conductor.run_on(Lab(self.portal.data), host, command, capture=True, given=given)

    def python(self, host: str, code: str, *words: str, given: bytes | None = None) -> str:
        """What a program says that runs on a host as a fresh process."""
        told = self.on(host, "python3", "-c", code, *words, given=given)
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()

    def reaches(self, source: str, address: str) -> bool:
        """Whether a host gets the small page of another one, by v4 or v6."""
        url = f"http://[{address}]/" if ":" in address else f"http://{address}/"
        asking = f"urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open({url!r}, timeout=2)"
        code = f"import sys, urllib.request; sys.exit({asking}.status != 200)"
        return self.on(source, "python3", "-c", code).returncode == 0

    def alert(self, name: str, host: str, path: str, sha256: str) -> None:
        """An alert that names a file on a host, as a sensor would send it."""
        folder, _, file = path.rpartition("/")
        self.tell(name, [
            {"@odata.type": DEVICE, "hostName": host},
            {"@odata.type": FILE, "fileDetails": {"sha256": sha256, "fileName": file, "filePath": folder}},
        ])  # fmt: skip

    def tell(self, name: str, evidence: list[dict[str, Any]]) -> None:
        """An alert with this evidence, as a sensor would send it."""
        moment = datetime.now(UTC).isoformat()
        body = [{
            "id": name, "title": "Unknown program", "severity": "medium", "category": "Execution",
            "firstActivityDateTime": moment, "lastActivityDateTime": moment, "evidence": evidence,
        }]  # fmt: skip
        told = self.done_by("sensor", "/ingest/graph?source=lab", body, 202)
        assert told["rejected"] == [], told

    def incident_of(self, alert: str) -> str:
        """The incident that an alert of `tell` came to be in."""
        query = "SELECT incident_id FROM incidents_alert WHERE provider_alert_id = %s"
        assert wait_until(lambda: any(row[0] for row in self.ledger.rows(query, alert)), seconds=60)
        return str(self.ledger.value(query, alert))

    def seen(self, query: str, *values: object) -> Callable[[], bool]:
        return lambda: bool(self.ledger.value(query, *values))

    def pid_of(self, name: str) -> int:
        """Of a process that the supervisor runs, by a word of its command line."""
        for pid in self.portal.children().values():
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if any(name.encode() in word for word in words):
                return pid
        raise LookupError(name)


@contextmanager
def estate(hosts: int, *, root: bool | None = None, words: Sequence[str] = ()) -> Iterator[Estate]:
    """A portal and a lab, both gone afterwards; with real root where there is any."""
    folder = Path(tempfile.mkdtemp(prefix="soc-est-", dir="/tmp"))
    portal = StartedPortal(folder / "d", words=words)
    rootless = [] if (able.is_root() if root is None else root) else ["--rootless"]
    try:
        with portal.running():
            told = portal.run("manage", "shell", "-v0", "-c", "from tests.lab.people import lay; lay()")
            assert told.returncode == 0, told.stderr
            tokens = json.loads(told.stdout.splitlines()[-1])
            found = Estate(portal, tokens, Api(portal.url, threading.Event(), patience_s=60))
            try:
                up = portal.run("lab", "up", f"--hosts={hosts}", *rootless)
                assert up.returncode == 0, up.stderr + portal.last_lines()
                names = [f"lab-{number}" for number in range(1, hosts + 1)]
                found.devices = wait_for_devices(found, names)
                yield found
            finally:
                portal.run("lab", "down")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_devices(found: Estate, names: list[str]) -> dict[str, str]:
    query = (
        "SELECT d.display_name, d.id FROM incidents_device d JOIN incidents_devicebinding b ON b.device_id = d.id "
        "JOIN connectors_agent a ON a.device_id = b.remote_id WHERE a.status <> '{}'"
    )

    def known() -> dict[str, str]:
        return {str(name): str(pk) for name, pk in found.ledger.rows(query)}

    assert wait_until(lambda: set(known()) >= set(names), seconds=180), (known(), found.portal.last_lines())
    return {name: pk for name, pk in known().items() if name in names}
