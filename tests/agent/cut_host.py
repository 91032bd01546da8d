"""A host on a wire of its own, with both halves of the agent, and a portal at the other end: for tests that cut it off.

Runs inside `in_namespaces`: here is the portal, the host is in a network namespace below.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.agent.small_portal import SmallPortal
from tests.agent.two_hosts import HERE, PEER, answers, wire

ROOT = Path(__file__).parents[2]
# With it the kernel follows connections.
FOLLOWED = "table ip t { chain c { type filter hook output priority 0; ct state new;\n}\n}\n"


def until(reached: Callable[[], Any], within: float = 60) -> float:
    """Seconds until it holds; fails when it never does."""
    began = time.monotonic()
    while not reached():
        assert time.monotonic() - began < within, "it did not come about"
        time.sleep(0.005)
    return time.monotonic() - began


def same(rules: str) -> str:
    """Without what changes by itself."""
    return re.sub(r"counter packets \d+ bytes \d+|expires \w+|timeout \w+", "", rules)


class CutHost:
    """`inside` runs words in the host's network; `start` and `kill` are for its halves."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="soc-cut-"))
        self.peer = wire()
        self.inside("ip", "route", "add", "default", "via", HERE)
        self.portal = SmallPortal(self.root, HERE)
        self.halves: dict[str, subprocess.Popen[bytes]] = {}
        self.run("network", "enroll", "--url", self.portal.url, "--token", self.portal.token)
        self.start("helper")
        self.start("network", "run")
        self.portal.status_where(lambda one: one["observed"])

    def __enter__(self) -> "CutHost":
        return self

    def __exit__(self, *_: object) -> None:
        for name in [*self.halves]:
            self.kill(name)
        self.peer.kill()
        self.peer.wait()
        self.portal.stop()
        shutil.rmtree(self.root)

    def words(self, module: str, *words: str, before: str = "") -> list[str]:
        code = f"{before}\nfrom soc_agent.{module} import main; main()"
        return ["/usr/bin/nsenter", "-t", str(self.peer.pid), "-n", sys.executable, "-c", code, "--folder",
                str(self.root / "host"), *words]  # fmt: skip

    def run(self, module: str, *words: str) -> str:
        done = subprocess.run(self.words(module, *words), capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def status(self) -> str:
        """What the host itself says; empty while the helper is away."""
        return subprocess.run(self.words("control", "status", "--json"), capture_output=True, text=True, check=False,
                              cwd=ROOT).stdout  # fmt: skip

    def start(self, module: str, *words: str, before: str = "") -> None:
        """`before` is run in the process first: a test puts its crash there."""
        self.halves[module] = subprocess.Popen(self.words(module, *words, before=before), cwd=ROOT)

    def kill(self, module: str, how: signal.Signals = signal.SIGKILL) -> None:
        half = self.halves.pop(module)
        half.send_signal(how)
        half.wait(10)

    def ended(self, module: str, within: float = 60) -> int:
        return self.halves.pop(module).wait(within)

    def inside(self, *words: str, text: str | None = None) -> str:
        return subprocess.run(["/usr/bin/nsenter", "-t", str(self.peer.pid), "-n", *words], capture_output=True,
                              text=True, check=False, input=text).stdout  # fmt: skip

    def is_cut(self) -> bool:
        """Seen from outside: the host does not answer, not even that nobody listens there."""
        return not answers(PEER)

    def rules(self) -> str:
        return self.inside("nft", "list", "ruleset")

    def isolate(self, generation: int = 1, **fields: Any) -> dict[str, Any]:
        """Wanted, and told as reached."""
        wanted = {"isolated": True, "type": "full", "exclusions": [], "expires_s": 600, **fields}
        self.portal.want(generation, {"network": wanted})
        return self.seen(generation, lambda network: network["reached"])

    def release(self, generation: int) -> dict[str, Any]:
        self.portal.want(generation, {"network": {"isolated": False}})
        return self.seen(generation, lambda network: network["reached"])

    def seen(self, generation: int, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The network as the portal was told of it, once it is so."""
        status = self.portal.status_where(
            lambda one: one["generation"] == generation and wanted(one["observed"].get("network", {"reached": False}))
        )
        return dict(status["observed"]["network"])

    def settings(self, **changes: Any) -> None:
        path = self.root / "host/etc/soc-agent/settings.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
