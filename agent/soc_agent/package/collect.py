"""Running the steps, each by itself and within its bounds, and writing the manifest of what came of them.

A step that fails costs nothing but itself: its error stands in the manifest, and the package is partly there, which is
the normal case on a host under attack.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyzipper

from soc_agent.live.stoppable import Stop

MAX_STEP_BYTES = 32 * 1024 * 1024
MAX_STEP_S = 90.0
MANIFEST = "manifest.json"


class Enough(Exception):
    """The step has used up its time or its room; what it has is kept."""


@dataclass(slots=True)
class Room:
    """What a step may still use."""

    until: float
    bytes_left: int = MAX_STEP_BYTES
    stop: Stop | None = None

    def take(self, size: int = 0) -> None:
        """Raises `Enough`."""
        if self.stop is not None and self.stop.asked:
            raise Enough("stopped")
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise Enough(f"cut at {MAX_STEP_BYTES} bytes")
        if time.monotonic() > self.until:
            raise Enough(f"cut after {MAX_STEP_S:.0f} seconds")


Rows = Iterable[Mapping[str, Any]]
Read = Callable[[Room], Rows]


@dataclass(frozen=True, slots=True)
class Step:
    """`name` becomes the name of its file, `says` is for people, `command` is what it reads or runs."""

    name: str
    says: str
    command: str
    read: Read


@dataclass(slots=True)
class Outcome:
    """One line of the manifest; `error` is empty when the step is complete."""

    name: str
    says: str
    command: str
    items: int = 0
    seconds: float = 0.0
    bytes: int = 0
    sha256: str = ""
    error: str = ""


@dataclass(slots=True)
class Package:
    """`complete` is whether every step is."""

    path: Path
    password: str
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return not any(one.error for one in self.outcomes)


def collect(steps: Iterable[Step], target: Path, about: Mapping[str, Any], stop: Stop | None = None) -> Package:
    """Write the package to `target`, a new file; `about` goes into the manifest (device, order, agent). Raises
    `Stopped` when nobody wants it any more."""
    package = Package(target, secrets.token_urlsafe(18))
    with pyzipper.AESZipFile(target, "x", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(package.password.encode())
        for step in steps:
            content, outcome = _run(step, stop)
            if stop is not None:
                stop.check()
            archive.writestr(f"{step.name}.jsonl", content)
            package.outcomes.append(outcome)
        manifest = {**about, "made": time.time(), "steps": [asdict(one) for one in package.outcomes]}
        archive.writestr(MANIFEST, json.dumps(manifest, indent=2))
    target.chmod(0o600)
    return package


def _run(step: Step, stop: Stop | None = None) -> tuple[bytes, Outcome]:
    began, lines, error = time.monotonic(), [], ""
    room = Room(began + MAX_STEP_S, stop=stop)
    try:
        for row in step.read(room):
            line = json.dumps(row, default=str).encode()
            room.take(len(line) + 1)
            lines.append(line)
    except Enough as reason:
        error = str(reason)
    except Exception as failure:  # noqa: BLE001 - whatever a host does to a step, the others go on
        error = f"{type(failure).__name__}: {failure}"[:300]
    content = b"".join(line + b"\n" for line in lines)
    seconds = round(time.monotonic() - began, 3)
    return content, Outcome(step.name, step.says, step.command, len(lines), seconds, len(content),
                            hashlib.sha256(content).hexdigest(), error)  # fmt: skip
