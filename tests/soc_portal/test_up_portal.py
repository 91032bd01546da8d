"""One real portal: started, hurt, killed, started again, stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_portal.up.data_folder import ROOT
from soc_portal.up.processes import is_alive, wait_until
from tests.running_portal import free_port

pytestmark = pytest.mark.slow


class StartedPortal:
    """`./soc up --no-demo` without its set-up, on a data folder of its own."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = ""
        self._log = data.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, *words: str) -> list[str]:
        return [sys.executable, "-P", "-m", "soc_portal.up", *words, f"--data={self.data}"]

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR"}}
        return kept | {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "soc_portal.settings"}

    def start(self) -> None:
        words = self.call("up", f"--port={self.port}", "--no-demo")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(words, env=self.env, cwd=self.data.parent, stdout=log, stderr=log)
        assert wait_until(self._said_ready, seconds=90, pause=0.2), self._log.read_text()
        self.output = self._log.read_text()

    def _said_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        return f"READY {self.url}" in self._log.read_text().splitlines()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.call(*words), env=self.env, capture_output=True, text=True, check=False)

    def children(self) -> dict[str, int]:
        recorded = json.loads((self.data / "children.json").read_text())
        return {f"{program}-{number}": int(pid) for number, (pid, program) in enumerate(recorded.items())}

    def end(self, number: signal.Signals) -> float:
        """Seconds until it had ended."""
        assert self._process is not None
        started = time.monotonic()
        self._process.send_signal(number)
        self._process.wait(30)
        return time.monotonic() - started

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=10):
                return True
        except OSError:
            return False


@pytest.fixture
def portal_at_work() -> Iterator[StartedPortal]:
    with tempfile.TemporaryDirectory(prefix="soc-up-") as folder:
        portal = StartedPortal(Path(folder) / "data")
        portal.start()
        try:
            yield portal
        finally:
            if portal.is_running():
                portal.end(signal.SIGTERM)


def test_a_portal_survives_the_kill_of_each_part_and_stops_without_orphans(portal_at_work: StartedPortal) -> None:
    portal = portal_at_work
    assert portal.run("manage", "audit", "verify").returncode == 0
    refused = portal.run("up", f"--port={free_port()}")
    assert "a portal already runs on" in refused.stderr

    for name, pid in portal.children().items():
        os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda pid=pid: pid not in portal.children().values(), seconds=20), name  # type: ignore[misc]
        assert wait_until(portal.is_healthy, seconds=30, pause=0.3), name

    children = portal.children()
    assert portal.end(signal.SIGTERM) < 10
    assert not [name for name, pid in children.items() if is_alive(pid)]
    assert "start it with ./soc up" in portal.run("manage", "audit", "verify").stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends the children")
def test_a_killed_portal_leaves_no_process_and_starts_again(portal_at_work: StartedPortal) -> None:
    portal = portal_at_work
    children = portal.children()
    assert "shown once" in portal.output
    portal.end(signal.SIGKILL)
    portal.start()
    assert not [name for name, pid in children.items() if is_alive(pid)]
    assert portal.is_healthy()
    assert "shown once" not in portal.output, "the first passwords are shown once"
    assert portal.end(signal.SIGINT) < 10


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    portal = StartedPortal(tmp_path / "data")
    with socket.create_server(("127.0.0.1", portal.port)):
        answer = portal.run("up", f"--port={portal.port}")
    assert answer.returncode == 1
    reason = "cannot be used (Address already in use): choose another with --port"
    assert answer.stderr.splitlines() == [f"soc: port {portal.port} {reason}"]
