"""From an event that a rule matched to an alert: whole, bounded, told once, and never more than a portal can read."""

import hashlib
import os
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soc_agent.detect.rules import Event, Rule
from soc_agent.detect.running import Processes, Running

# The same about the same is told once in that time.
QUIET_S = 900.0
MOST, WITHIN_S, MAX_TOLD = 60, 600.0, 2000
MAX_HASHED = 256 * 1024 * 1024


class Telling:
    """`held_back` counts what was not told because there was too much."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._told: OrderedDict[tuple[str, ...], float] = OrderedDict()
        self._times: deque[float] = deque()
        self.held_back = self.repeated = 0

    def is_new(self, rule_id: str, event: Event, who: Running | None) -> bool:
        """Whether to tell it: neither told lately nor one too many."""
        file, process = event.get("file") or {}, event.get("process") or {}
        about = str(who.program if who else process.get("program") or file.get("path", ""))
        if event["kind"] == "persistence":
            about = str(file.get("path", ""))
        elif event["kind"] == "file":
            about = str(file.get("area") or file.get("path", ""))
        elif event["kind"] == "connection":
            about = f"{about} {(event.get('connection') or {}).get('remote_address', '')}"
        key, now = (rule_id, about), time.monotonic()
        at = self._told.get(key)
        if at is not None and now - at < QUIET_S:
            self.repeated += 1
            return False
        while self._times and now - self._times[0] > WITHIN_S:
            self._times.popleft()
        if len(self._times) >= MOST:
            self.held_back += 1
            return False
        self._told[key] = now
        self._told.move_to_end(key)
        if len(self._told) > MAX_TOLD:
            self._told.popitem(last=False)
        self._times.append(now)
        return True

    def alert(self, rule: Rule, event: Event, who: Running | None, at: float) -> dict[str, Any]:
        """In the shape that the portal reads."""
        found: dict[str, Any] = {
            "id": secrets.token_hex(16),
            "rule": {"id": rule.id, "title": rule.title, "severity": rule.severity, "attack": list(rule.attack),
                     "category": rule.category},
            "at": at,
            "kind": event["kind"],
            "description": _description(rule, event, who),
        }  # fmt: skip
        if who is not None:
            found["process"] = self._process(who)
        if event["kind"] == "connection":
            found["connection"] = dict(event["connection"])
        file = event.get("file") or ({"path": who.program} if who is not None and who.program != who.path else None)
        if file:
            found["file"] = file_facts(str(file["path"]))
        if who is not None and event["kind"] in ("file", "persistence"):
            found["program"] = file_facts(who.program)
        return found

    def _process(self, one: Running) -> dict[str, Any]:
        parent = self._processes.by_pid(one.ppid)
        told = _process_facts(one)
        return {**told, "parent": _process_facts(parent)} if parent is not None else told


def _process_facts(one: Running) -> dict[str, Any]:
    return {"pid": one.pid, "ppid": one.ppid, "path": one.path, "sha256": digest_of(f"/proc/{one.pid}/exe"),
            "command_line": one.command_line, "user": one.user, "started": one.started}  # fmt: skip


def file_facts(path: str) -> dict[str, Any]:
    try:
        size = Path(path).stat().st_size
    except OSError:
        size = 0
    return {"path": path, "sha256": digest_of(path), "size": size}


def digest_of(path: str) -> str:
    """SHA-256 of a plain file, empty when there is none or it is too large to be read beside everything else."""
    try:
        with Path(path).open("rb") as file:
            seen = os.fstat(file.fileno())
            if seen.st_mode & 0o170000 != 0o100000 or seen.st_size > MAX_HASHED:
                return ""
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _description(rule: Rule, event: Mapping[str, Any], who: Running | None) -> str:
    """The rule's words and what was seen."""
    parts = [rule.description or rule.title]
    file, connection = event.get("file") or {}, event.get("connection") or {}
    if event["kind"] == "file":
        parts.append(f"Seen below {file.get('area', '')}, last {file.get('path', '')}.")
    elif event["kind"] == "persistence":
        parts.append(f"The file is {file.get('path', '')}.")
    if connection:
        parts.append(f"The other end is {connection['remote_address']}, port {connection['remote_port']}.")
    if who is not None:
        likely = "It was probably written by" if event["kind"] in ("file", "persistence") else "The program is"
        parts.append(f"{likely} {who.program} (process {who.pid} of {who.user}).")
    return " ".join(parts)[:2000]
