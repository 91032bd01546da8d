"""A host that has joined a portal, with both halves of the agent as processes of their own."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from soc_agent.enroll import enroll, read_token
from soc_agent.folders import Folders
from tests.agent.small_portal import SmallPortal

AGENT = Path(__file__).parents[2] / "agent"


class JoinedHost:
    """`root` is the folder that holds everything of it."""

    def __init__(self, portal: SmallPortal, root: Path) -> None:
        self.portal, self.root = portal, root
        self.halves: dict[str, subprocess.Popen[bytes]] = {}
        enroll(portal.url, read_token(portal.token), Folders(root))

    def start(self, module: str, *words: str, before: str = "") -> None:
        """`before` is run in the process first: a test puts its crash there."""
        code = f"{before}\nfrom soc_agent.{module} import main; main()"
        self.halves[module] = subprocess.Popen(
            [sys.executable, "-c", code, "--folder", str(self.root), *words], cwd=AGENT
        )

    def start_both(self) -> None:
        self.start("helper")
        self.start("network", "run")

    def kill(self, module: str) -> None:
        half = self.halves.pop(module)
        half.kill()
        half.wait(10)

    def ended(self, module: str, within: float = 60) -> int:
        return self.halves.pop(module).wait(within)

    def stop(self) -> None:
        for half in self.halves.values():
            half.send_signal(signal.SIGTERM)
        for half in self.halves.values():
            half.wait(10)

    def ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        code = "from soc_agent.control import main; main()"
        return subprocess.run([sys.executable, "-c", code, "--folder", str(self.root), *words], capture_output=True,
                              text=True, check=False, cwd=AGENT)  # fmt: skip

    def sees_file(self, sha256: str, state: str) -> None:
        self.portal.status_where(
            lambda one: one["observed"].get("files", {}).get("evidence", {}).get("files", {}).get(sha256) == state
        )

    @staticmethod
    def until(reached: Callable[[], Any], within: float = 60) -> None:
        end = time.monotonic() + within
        while not reached():
            assert time.monotonic() < end, "it did not come about"
            time.sleep(0.01)
