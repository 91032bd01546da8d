"""Makes `previous.dump.xz` and `previous.json`: the data of the version that the file `ref` names.

    .venv/bin/python tests/upgrade/make_previous.py

It checks that version out of the git history into a temporary folder, lets it install itself there and run, feeds it
and dumps its database. It needs the git history, the registries and some minutes; the test needs the two files alone.
"""

import json
import lzma
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import environ
import psycopg
from psycopg import sql

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from soc_portal.up.postgres import binary  # noqa: E402 - after the path
from soc_portal.up.processes import wait_until  # noqa: E402
from tests.running_portal import free_port  # noqa: E402
from tests.upgrade.previous import KEYS, PREFIX  # noqa: E402

ALERTS, BATCH, DEVICES = 10_000, 500, 400
TITLES = ("Service started from a temporary folder", "Suspicious PowerShell download", "Sign-in from a new country",
          "Credential dumping tool seen", "Macro started a program")  # fmt: skip
SECURITY = "#microsoft.graph.security."


class Previous:
    """The previous version, running."""

    def __init__(self, folder: Path) -> None:
        self.code, self.data, self.port = folder / "code", folder / "data", free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {
            name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR", "PIP_INDEX_URL"}
        }
        self._env = {**kept, **KEYS}
        self._up: subprocess.Popen[str] | None = None

    def start(self) -> None:
        words = ["./soc", "up", f"--data={self.data}", f"--port={self.port}", "--no-demo"]
        self._up = subprocess.Popen(words, cwd=self.code, env=self._env, stdout=subprocess.PIPE, text=True)
        assert self._up.stdout is not None
        for line in self._up.stdout:
            if line.startswith("READY"):
                return
        raise SystemExit("the previous version does not start")

    def stop(self) -> None:
        if self._up is not None:
            self._up.send_signal(signal.SIGTERM)
            self._up.wait(30)

    def inside(self, phase: str) -> Any:
        told = f"PHASE = {phase!r}; exec(open({str(HERE / 'inside_previous.py.txt')!r}).read())"
        words = ["./soc", "manage", "shell", f"--data={self.data}", "-v0", "-c", told]
        done = subprocess.run(words, cwd=self.code, env=self._env, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    def post(self, path: str, body: object, token: str) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/v1{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def connection(self) -> psycopg.Connection:
        told = environ.Env.db_url_config(self._instance["owner_database_url"])
        return psycopg.connect(host=told["HOST"], user=told["USER"], password=told["PASSWORD"], dbname=told["NAME"])

    @property
    def _instance(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.data / "instance.json").read_text())
        return found

    def value(self, query: str) -> Any:
        with self.connection() as connection:
            row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def dump(self, snapshot: str) -> bytes:
        told = environ.Env.db_url_config(self._instance["owner_database_url"])
        words = [binary("pg_dump"), "-Fc", "-Z0", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        place = [f"--host={told['HOST']}", f"--username={told['USER']}", f"--dbname={told['NAME']}"]
        env = {**self._env, "PGPASSWORD": told["PASSWORD"]}
        return subprocess.run([*map(str, words), *place], env=env, stdout=subprocess.PIPE, check=True).stdout


def alert(number: int, now: datetime) -> dict[str, Any]:
    device = number % DEVICES
    at = (now - timedelta(hours=5) + timedelta(seconds=number)).isoformat()
    account = {"accountName": f"user-{device:03}", "userPrincipalName": f"user-{device:03}@up.example"}
    program = {"fileName": f"tool-{device // 4}.exe", "filePath": "C:\\Temp", "sha256": f"{device // 4 + 1:064x}"}
    return {
        "id": f"previous-{number:05}", "title": TITLES[number % len(TITLES)], "category": "Execution",
        "severity": ("low", "medium", "high")[number % 3], "serviceSource": "microsoftDefenderForEndpoint",
        "firstActivityDateTime": at, "lastActivityDateTime": at,
        "evidence": [
            {"@odata.type": f"{SECURITY}deviceEvidence", "deviceDnsName": f"host-{device:03}.up.example"},
            {"@odata.type": f"{SECURITY}userEvidence", "userAccount": account},
            {"@odata.type": f"{SECURITY}fileEvidence", "fileDetails": program},
        ],
    }  # fmt: skip


def isolate(previous: Previous, device: dict[str, int], tokens: dict[str, str], *, approve: bool = True) -> int:
    body = {
        "action": "device.isolate", "target": {"kind": "device", "id": str(device["id"])},
        "incident_id": str(device["incident"]), "arguments": {"isolation_type": "full"}, "comment": "It behaves oddly.",
    }  # fmt: skip
    run = previous.post("/actions", body, tokens["asker"])["id"]
    if approve:
        previous.post(f"/actions/{run}/approve", {}, tokens["decider"])
    return int(run)


def until(previous: Previous, query: str, wanted: object) -> None:
    if not wait_until(lambda: previous.value(query) == wanted, seconds=900, pause=0.5):
        raise SystemExit(f"{query}: {previous.value(query)}, not {wanted}")


def status_is(previous: Previous, run: int, status: str) -> None:
    until(previous, f"SELECT status FROM remediation_actionrun WHERE id = {run}", status)


def feed(previous: Previous) -> dict[str, Any]:
    tokens, now = previous.inside("people"), datetime.now(UTC)
    for start in range(0, ALERTS, BATCH):
        alerts = [alert(number, now) for number in range(start, start + BATCH)]
        previous.post("/ingest/graph?source=previous", alerts, tokens["sensor"])
    until(previous, "SELECT count(*) FROM incidents_alert WHERE incident_id IS NULL OR correlated IS NULL", 0)
    devices = previous.inside("company")
    runs = {name: isolate(previous, devices[name], tokens) for name in ("verified", "released")}
    for run in runs.values():
        status_is(previous, run, "succeeded")
    undo = previous.post(f"/actions/{runs['released']}/undo", {"comment": "It was a drill."}, tokens["asker"])["id"]
    previous.post(f"/actions/{undo}/approve", {}, tokens["decider"])
    status_is(previous, int(undo), "succeeded")
    review = previous.inside("review")
    until(previous, "SELECT state FROM reviews_reviewdocument", "ready")
    runs["pending"] = isolate(previous, devices["pending"], tokens, approve=False)
    runs |= {name: isolate(previous, devices[name], tokens) for name in ("started", "delivered", "offline", "queued")}
    status_is(previous, runs["started"], "started")
    status_is(previous, runs["delivered"], "delivered")
    offline = f"SELECT status_detail FROM remediation_actionrun WHERE id = {runs['offline']}"
    until(previous, f"SELECT ({offline}) LIKE '%offline%'", True)
    return {"tokens": tokens, "devices": devices, "runs": runs, "review": review}


def keep(previous: Previous, told: dict[str, Any]) -> None:
    """Counts and dump of one moment."""
    seal = previous.inside("seal")
    with previous.connection() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        counts = {}
        for (name,) in names:
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
            counts[name] = row[0] if row else 0
        head = connection.execute("SELECT encode(digest, 'hex') FROM core_audit_seal ORDER BY seq DESC").fetchone()
        statuses = connection.execute("SELECT id, status FROM remediation_actionrun ORDER BY id").fetchall()
        dump = previous.dump(snapshot[0] if snapshot else "")
    packed = lzma.compress(dump, preset=9 | lzma.PRESET_EXTREME)
    (HERE / "previous.dump.xz").write_bytes(packed)
    ref, version = (HERE / "ref").read_text().split()
    told |= {
        "ref": ref, "version": version, "at": datetime.now(UTC).isoformat(), "seal": seal,
        "head": head[0] if head else "", "statuses": dict(statuses), "counts": counts,
    }  # fmt: skip
    told["tokens"] = {name: token.removeprefix(PREFIX) for name, token in told["tokens"].items()}
    (HERE / "previous.json").write_text(json.dumps(told, indent=1) + "\n")
    print(f"{len(dump):,} bytes, packed {len(packed):,}")  # noqa: T201 - a script


def main() -> None:
    started = time.monotonic()
    ref, _ = (HERE / "ref").read_text().split()
    with tempfile.TemporaryDirectory(prefix="soc-previous-") as folder:
        Path(folder).chmod(0o755)  # as root PostgreSQL runs as another user, who must reach its program
        previous = Previous(Path(folder))
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(previous.code), ref], check=True)
        try:
            previous.start()
            keep(previous, feed(previous))
        finally:
            previous.stop()
            subprocess.run([*git, "remove", "--force", str(previous.code)], check=True)
    print(f"made in {time.monotonic() - started:.0f} s")  # noqa: T201 - a script


if __name__ == "__main__":
    main()
