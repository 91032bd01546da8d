"""What commands left behind, kept in the journal so that it outlives a restart, and looked at anew each time.

The portal believes this rather than an answer: a file that was taken away may be back, and a command of which nobody
knows how far it came is cleared up by looking.
"""

import os
import stat
import time
from collections.abc import Mapping
from typing import Any

from soc_agent.host import Host
from soc_agent.journal import Journal, State
from soc_agent.orders import Command, Refused
from soc_agent.processes import digest_of
from soc_agent.quarantine import open_without_links
from soc_agent.wanted import Seen

MAX_FILES, MAX_PLACES, MOST_OWN = 500, 50, 100
# How the reason begins of what the guard took.
BY_INDICATOR = "indicator "
_FINISHED = (State.SUCCEEDED, State.PARTIALLY_SUCCEEDED)
_known: dict[tuple[int, ...], str] = {}


def remember_begin(journal: Journal, command: Command) -> None:
    """Before the effect: the places that an order names are looked at even if the agent stops in the middle."""
    sha256, paths = command.arguments.get("sha256"), command.arguments.get("paths")
    if command.action == "file.quarantine" and isinstance(sha256, str) and isinstance(paths, list):
        _add_places(journal, sha256.lower(), [path for path in paths if isinstance(path, str)])


def remember_end(journal: Journal, command: Command, state: State, result: Mapping[str, Any]) -> None:
    """After it: what the next status tells of it."""
    if command.action == "file.quarantine":
        _add_places(journal, str(result.get("sha256", "")), [str(one["path"]) for one in result.get("taken", ())])
    elif command.action == "file.restore":
        # What no order took away is known by no other place.
        sha256 = str(command.arguments.get("sha256", "")).lower()
        _add_places(journal, sha256, [str(one["path"]) for one in result.get("restored", ())])
    elif command.action == "device.antivirus_scan" and state in _FINISHED:
        names = ("scan_type", "signatures", "found", "engines")
        journal.note("scan", {"order": command.id, "at": time.time(),
                              "scan_type": command.arguments.get("scan_type", ""),
                              **{name: result[name] for name in names if name in result}})  # fmt: skip
    elif command.action == "device.collect_package" and state in _FINISHED:
        kept = [str(one.get("sha256", "")) for one in result.get("artefacts", ())]
        journal.note("package", {"order": command.id, "at": time.time(), "sha256": kept[0] if kept else ""})


def _add_places(journal: Journal, sha256: str, paths: list[str]) -> None:
    if not sha256:
        return
    files = journal.noted("files")
    files[sha256] = list(dict.fromkeys([*files.pop(sha256, []), *paths]))[:MAX_PLACES]
    while len(files) > MAX_FILES:
        del files[next(iter(files))]
    journal.note("files", files)


def files(host: Host) -> Seen:
    """Every file that an order ever named: `present` somewhere, else `quarantined`, else `absent`."""
    stored: dict[str, list[str]] = {}
    for item in host.vault.items():
        stored.setdefault(item.sha256, []).append(item.path)
    named = host.journal.noted("files")
    found = {sha256: _state_of(sha256, [*named.get(sha256, ()), *stored.get(sha256, ())], stored)
             for sha256 in {**named, **stored}}  # fmt: skip
    return Seen("watched" if found else "none", True, "", {"files": found, "items": taken_by_itself(host)})


def taken_by_itself(host: Host) -> list[dict[str, Any]]:
    """What lies in the store without an order, because an indicator says so: whoever wants it back has to know of it.
    The newest of them."""
    own = [one for one in host.vault.items() if one.reason.startswith(BY_INDICATOR)]
    own.sort(key=lambda one: one.stored, reverse=True)
    return [
        {"item": one.id, "path": one.path, "sha256": one.sha256, "size": one.size, "stored": one.stored,
         "indicator": one.reason.removeprefix(BY_INDICATOR)} for one in own[:MOST_OWN]
    ]  # fmt: skip


def _state_of(sha256: str, places: list[str], stored: Mapping[str, list[str]]) -> str:
    if any(_digest_at(place) == sha256 for place in dict.fromkeys(places)):
        return "present"
    return "quarantined" if sha256 in stored else "absent"


def _digest_at(path: str) -> str:
    """Of the plain file there; empty when there is none that can be read."""
    try:
        handle = open_without_links(path)
    except (OSError, Refused, ValueError):
        return ""
    try:
        seen = os.fstat(handle)
        if not stat.S_ISREG(seen.st_mode):
            return ""
        key = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
        if key not in _known:
            if len(_known) > 10 * MAX_FILES:
                _known.clear()
            _known[key] = digest_of(handle)
        return _known[key]
    except OSError:
        return ""
    finally:
        os.close(handle)


def scan(host: Host) -> Seen:
    noted = host.journal.noted("scan")
    return Seen("finished" if noted else "never", True, "", noted)


def package(host: Host) -> Seen:
    noted = host.journal.noted("package")
    return Seen("collected" if noted else "never", True, "", noted)
