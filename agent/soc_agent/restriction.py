"""Only known programs may run: first watched, then enforced, always with an end.

Known are the programs of the host's packages that are unchanged, files that the admin's key has signed, and what lies
in listed folders. The kernel asks about programs: a script that is handed to a known interpreter is the interpreter's
business, and is not stopped.
"""

import hashlib
import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soc_agent.detect import beside
from soc_agent.guard.policy import read_signer
from soc_agent.guarding import Guarding, guarding
from soc_agent.host import Host
from soc_agent.lifelines import digests_of, essential_paths, own_programs
from soc_agent.trusted import MAINTAINER, Builder, TrustSet
from soc_agent.wanted import NotReached, Seen

# Fewer trusted programs than this are no host that could go on working.
FEWEST_TRUSTED = 150
# More changed programs than this share say that the verification is wrong, not the host.
MOST_CHANGED = 0.05
# A program that tries all day is told once an hour.
AGAIN_AFTER_S, MOST_TOLD = 3600.0, 500
MOST_FOLDERS, MOST_SIGNERS, LONGEST_S = 50, 10, 30 * 86400
LIMIT = "Unknown programs are stopped, not unknown scripts that are given to known interpreters."
_VALUES = {"audit": "audited", "enforce": "restricted", "off": "unrestricted"}


def keeper(host: Host) -> "ExecutionKeeper":
    guard = guarding(host)
    return ExecutionKeeper(guard, Builder(guard.places.trusted), tell=lambda alert: beside.tell(host, alert))


@dataclass(slots=True)
class Asked:
    """What may be enforced of the wish, and what not, with the reason."""

    mode: str
    until: float
    folders: list[str] = field(default_factory=list)
    signers: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)


class ExecutionKeeper:
    """`mode` off, audit or enforce, `until` in seconds since 1970, `folders`, `signers` as PEM."""

    facet = "execution"

    def __init__(
        self, guard: Guarding, builder: Builder, fewest: int = FEWEST_TRUSTED,
        tell: Callable[[dict[str, Any]], None] = lambda _alert: None,
    ) -> None:  # fmt: skip
        self._guard, self._builder, self._fewest, self._tell = guard, builder, fewest, tell
        self._due: dict[str, float] = {}
        self._asked = Asked("off", 0.0)
        self._why = ""
        self._met: Counter[str] = Counter()
        self._programs: dict[str, dict[str, Any]] = {}
        guard.on_restriction = self._note

    def reach(self, wanted: Mapping[str, Any]) -> Seen:
        asked = read_wish(wanted)
        if asked.mode == "off":
            self._asked, self._why = asked, ""
            self._guard.want("execution", {})
            return self.look(wanted)
        found = self._builder.current()
        if found is None:
            raise NotReached("building", self._builder.error or "The trusted set is being made.", "unrestricted")
        self._why = self._lock_out(found) if asked.mode == "enforce" else ""
        mode = "audit" if self._why else asked.mode
        if mode != self._asked.mode:
            self._met.clear()
            self._due.clear()
            self._programs.clear()
        self._asked = Asked(mode, asked.until, asked.folders, asked.signers, asked.refused)
        own = [digest for path in (*own_programs(), "/proc/1/exe") if (digest := digests_of(path).get("file_sha256"))]
        self._guard.want("execution", {
            "mode": mode, "until": asked.until, "folders": [*asked.folders, *_present(MAINTAINER)],
            "signers": asked.signers, "programs": sorted(set(own)), "packages": str(self._builder.info),
            "since": found.built,
        })  # fmt: skip
        return self.look(wanted)

    def look(self, wanted: Mapping[str, Any]) -> Seen:
        asked = read_wish(wanted)
        still = bool(self._guard.status().get("restricts"))
        if asked.mode == "off" and still:
            return Seen("restricted", False, "The guard has not yet read what is wanted.", self._evidence())
        holds = still and not self._guard.why_not()
        value = _VALUES[self._asked.mode] if holds else "unrestricted"
        reason = self._why or ("" if asked.mode == "off" else self._guard.why_not())
        reached = value == _VALUES[asked.mode] and not reason
        if not reached and not reason:
            reason = "The guard has not taken it up yet."
        return Seen(value, reached, reason, self._evidence())

    def _evidence(self) -> dict[str, Any]:
        found = self._builder.current() if self._asked.mode != "off" else None
        trust = {} if found is None else {
            "programs": found.programs, "changed": found.changed, "changed_count": found.changed_count,
            "built": found.built, "seconds": found.seconds,
        }  # fmt: skip
        return {
            "mode": self._asked.mode, "until": self._asked.until, "trusted": trust, "limit": LIMIT,
            "folders": self._asked.folders, "signers": len(self._asked.signers), "refused": self._asked.refused,
            "denied": self._met["denied"], "would_deny": self._met["would_deny"],
            "programs": sorted(self._programs.values(), key=lambda one: -int(one["times"]))[:50],
            "guard": self._guard.evidence() if self._asked.mode != "off" else {},
        }  # fmt: skip

    def _note(self, event: Mapping[str, Any]) -> None:
        """The guard met an unknown program."""
        self._met[str(event["did"])] += 1
        path = str(event.get("path"))
        if path in self._programs or len(self._programs) < 500:
            known = self._programs.setdefault(path, {"path": path, "sha256": event.get("sha256"), "times": 0})
            known.update(did=event["did"], last=event["at"], process=event.get("process", {}), times=known["times"] + 1)
        if event["at"] >= self._due.get(path, 0) and len(self._due) < MOST_TOLD:
            self._due[path] = event["at"] + AGAIN_AFTER_S
            self._tell(alert_of(event))

    def _lock_out(self, found: TrustSet) -> str:
        """Why enforcing would lose the host; empty when it would not."""
        if found.programs < self._fewest:
            return f"Only {found.programs} programs are trusted; below {self._fewest} a host does not go on working."
        if found.changed_count > MOST_CHANGED * (found.programs + found.changed_count):
            return f"{found.changed_count} packaged programs are not as their packages brought them: verify them first."
        try:
            trusted = set(self._guard.places.trusted.read_text().split())
        except OSError as error:
            return f"The trusted set cannot be read: {error}"
        own = {str(Path(path).resolve()) for path in (*own_programs(), "/proc/1/exe")}
        lost = sorted(
            what for path, what in essential_paths().items()
            if path not in own and os.access(path, os.X_OK) and digests_of(path).get("file_sha256") not in trusted
        )  # fmt: skip
        return f"These would not start any more: {', '.join(lost)[:300]}." if lost else ""


def alert_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """An unknown program, in the shape in which the detector tells what it found."""
    denied, path = event["did"] == "denied", str(event.get("path"))
    text = f"{event['did']} {path} {event['at']}"
    return {
        "id": f"restriction-{hashlib.sha256(text.encode()).hexdigest()[:32]}",
        "rule": {"id": f"restriction:{event['did']}", "attack": ["T1204.002"], "category": "Execution",
                 "title": "An unknown program was stopped" if denied else "An unknown program would be stopped",
                 "severity": "medium" if denied else "informational"},
        "at": event["at"], "kind": "process", "process": dict(event.get("process") or {}),
        "file": {"path": path, "sha256": event.get("sha256", ""), "size": event.get("size", 0)},
        "description": f"{path} belongs to no package, is not signed by the admin and lies in no listed folder.",
    }  # fmt: skip


def read_wish(wanted: Mapping[str, Any]) -> Asked:
    """Raises `NotReached` for what is no wish; folders and keys that cannot be trusted stand in `refused`."""
    mode, until = wanted.get("mode", "off"), wanted.get("until", 0)
    if mode not in _VALUES or isinstance(until, bool) or not isinstance(until, int | float):
        raise NotReached("bad_wish", "A restriction is off, audit or enforce, and has an end.")
    if mode == "off" or until <= time.time():
        return Asked("off", 0.0)
    asked = Asked(mode, min(float(until), time.time() + LONGEST_S))
    for path in [str(one) for one in wanted.get("folders", [])][:MOST_FOLDERS]:
        if reason := why_no_folder(path):
            asked.refused.append({"value": path[:200], "reason": reason})
        else:
            asked.folders.append(path)
    for text in [str(one) for one in wanted.get("signers", [])][:MOST_SIGNERS]:
        try:
            read_signer(text)
            asked.signers.append(text)
        except ValueError:
            asked.refused.append({"value": text[:60], "reason": "This is no public Ed25519 key in PEM."})
    return asked


def why_no_folder(path: str) -> str:
    """A folder is only as good as those who may write there: it and everything above it."""
    if not path.startswith("/") or os.path.normpath(path) != path or path == "/":
        return "A folder is named from the root, without detours."
    for one in (Path(path), *Path(path).parents):
        try:
            seen = one.lstat()
        except OSError:
            return f"There is no folder {one}."
        if not stat.S_ISDIR(seen.st_mode):
            return f"{one} is a link or no folder."
        sticky = seen.st_mode & stat.S_ISVTX and str(one) != path
        if seen.st_uid != 0 or (seen.st_mode & 0o022 and not sticky):
            return f"Others than root may write to {one}."
    return ""


def _present(paths: tuple[str, ...]) -> list[str]:
    return [path for path in paths if Path(path).is_dir() and not why_no_folder(path)]
