"""A whole portal as `./soc up` runs it, supervised, on a data folder of its own: for tests that hurt it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Self

from soc_portal.up.data_folder import ROOT
from soc_portal.up.processes import tail, wait_until
from tests.running_portal import free_port


class StartedPortal:
    """`./soc up --no-demo` without its set-up, on a data folder of its own; `servers` are the addresses of servers that
    somebody else runs."""

    def __init__(
        self,
        data: Path,
        *,
        servers: Mapping[str, str] = MappingProxyType({}),
        words: Sequence[str] = (),
        host: str = "127.0.0.1",
    ) -> None:
        self.servers, self._words = dict(servers), list(words)
        self.data, self.port = data, free_port()
        self.url = f"{'https' if '--tls' in words else 'http'}://{host}:{self.port}"
        self.output = ""
        self._log = data.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, *words: str) -> list[str]:
        return [sys.executable, "-P", "-m", "soc_portal.up", *words, f"--data={self.data}"]

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR"}}
        return kept | self.servers | {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "soc_portal.settings"}

    def begin(self) -> None:
        words = self.call("up", f"--port={self.port}", "--no-demo", *self._words)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(words, env=self.env, cwd=self.data.parent, stdout=log, stderr=log)

    def start(self) -> None:
        self.begin()
        assert wait_until(self._said_ready, seconds=240, pause=0.2), self._log.read_text()
        self.output = self._log.read_text()

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        self.start()
        try:
            yield self
        finally:
            self.end(signal.SIGTERM)

    def _said_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        return f"READY {self.url}" in self._log.read_text().splitlines()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.call(*words), env=self.env, capture_output=True, text=True, check=False)

    def has_said(self, text: str) -> bool:
        return text in self._log.read_text()

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

    def last_lines(self) -> str:
        """The ends of the logs, for the one who reads a failure."""
        logs = [self._log, *sorted((self.data / "logs").glob("*.log"))]
        return "\n".join(f"== {log.name}\n{tail(log, 3_000)}" for log in logs if log.exists())

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=10):
                return True
        except OSError:
            return False
