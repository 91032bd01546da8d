"""Ends what a killed supervisor left running, before its data is touched again.

On Linux the kernel ends the children with their parent, and this waits for them; elsewhere it ends them itself.
"""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

from soc_portal.up.data_folder import write_private
from soc_portal.up.processes import Child, is_alive, wait_until


def record(file: Path, children: Iterable[Child]) -> None:
    """The program's file name beside each id tells a leftover from a stranger who got the same id later."""
    write_private(file, json.dumps({str(child.pid): _program(child.command) for child in children if child.pid}))


def sweep(file: Path) -> None:
    try:
        recorded: dict[str, str] = json.loads(file.read_text())
    except (OSError, ValueError):
        return
    for word, program in recorded.items():
        pid = int(word)
        if wait_until(lambda pid=pid, program=program: not _runs(pid, program), seconds=3):  # type: ignore[misc]
            continue
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if wait_until(lambda pid=pid: not is_alive(pid), seconds=5):  # type: ignore[misc]
                break
    file.unlink(missing_ok=True)


def _program(command: list[str]) -> str:
    """The last program named: `setpriv ... -- postgres` becomes postgres."""
    start = command.index("--") + 1 if "--" in command else 0
    return Path(command[start]).name


def _runs(pid: int, program: str) -> bool:
    if not is_alive(pid):
        return False
    answer = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607 - ps lies elsewhere on each system
    return program in answer.stdout and "<defunct>" not in answer.stdout
