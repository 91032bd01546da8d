"""A host with a file system of its own, guarded by a real guard, for tests in a mount namespace. Nothing else of the
machine is marked; every wait has an end, and an alarm ends the test if the guard should ever hold it."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from soc_agent.guarding import Guarding, guarding
from tests.agent.hosts import a_host

signal.alarm(50)


class GuardedHost:
    """`disk` is the guarded file system, `free` one that is not."""

    def __init__(self, root: str) -> None:
        self.root, self.disk, self.free = Path(root) / "host", Path(root) / "host/disk", Path(root) / "free"
        for folder in (self.disk, self.free):
            folder.mkdir(parents=True)
        subprocess.run(["/bin/mount", "-t", "tmpfs", "none", self.disk], check=True)
        self.host = a_host(self.root)
        self.guard: Guarding = guarding(self.host)

    def __enter__(self) -> "GuardedHost":
        return self

    def __exit__(self, *_: object) -> None:
        self.guard.stop()
        self.host.journal.close()

    def program(self, name: str, source: str = "/bin/sleep", folder: Path | None = None) -> tuple[Path, str]:
        """A program of its own content, so that nothing else on this machine is meant; and its digest."""
        path = (folder or self.disk) / name
        path.write_bytes(Path(source).read_bytes() + os.urandom(16))
        path.chmod(0o755)
        return path, hashlib.sha256(path.read_bytes()).hexdigest()

    def block(self, *digests: str, action: str = "block", kind: str = "file_sha256") -> None:
        """And wait until the guard does."""
        self.guard.want("files", {kind: {digest: [action, f"key-{action}", None, "bad"] for digest in digests}})
        self.ready()

    def restrict(self, mode: str, until_s: float = 60, **more: Any) -> None:
        self.guard.want("execution", {"mode": mode, "until": time.time() + until_s, **more})
        self.ready()

    def ready(self) -> None:
        digest = hashlib.sha256(self.guard.places.policy.read_bytes()).hexdigest()
        wait(lambda: self.guard.status().get("policy") == digest and not self.guard.why_not(), self.guard.why_not)

    def xattrs(self) -> bool:
        """Whether this kernel's memory file system keeps attributes of users."""
        try:
            os.setxattr(self.disk, "user.trial", b"1")
        except OSError:
            return False
        return True

    @property
    def pid(self) -> int:
        return int(self.guard.status().get("pid", 0))


def wait(holds: Callable[[], object], tell: Callable[[], object] = str, within: float = 40) -> Any:
    until = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < until, tell()
        time.sleep(0.02)
    return found


def runs(path: Path | str, *words: str, env: Mapping[str, str] | None = None) -> bool:
    """Whether it starts. Asked by a child, so that a guard that hangs cannot hold this process."""
    code = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)"
    done = subprocess.run([sys.executable, "-c", code, str(path), *(words or ("0",))], capture_output=True, timeout=20,
                          check=False)  # fmt: skip
    return done.returncode == 0


def readable(path: Path) -> bool:
    return subprocess.run(["/bin/cat", path], capture_output=True, timeout=20, check=False).returncode == 0
