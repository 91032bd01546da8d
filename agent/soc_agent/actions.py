"""The commands this agent knows, each a coroutine that is given the order and tells the outcome."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from soc_agent import __version__
from soc_agent.carry_out import Work, reason_of
from soc_agent.folders import Folders
from soc_agent.host import Host
from soc_agent.journal import State
from soc_agent.live.stoppable import Stop, in_thread
from soc_agent.orders import Command, Refused
from soc_agent.package.collect import collect
from soc_agent.package.steps import STEPS
from soc_agent.persistence import removed_with, restored_with
from soc_agent.processes import Process, end_all, running
from soc_agent.quarantine import checked_path, is_protected, open_without_links, restore, take
from soc_agent.spool import keep_file, limit_of
from soc_agent.vault import Vault, VaultError

Outcome = tuple[State, dict[str, Any]]
_SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_PATHS = 200
STOPPED = "The order ended before it came to this one."


def works(host: Host) -> Mapping[str, Work]:
    """By the names that the portal uses."""
    folders, vault = host.folders, host.vault

    async def stop_and_quarantine(order: Command) -> Outcome:
        return await in_thread(lambda stop: removed_with(host, *_stop_and_quarantine(order, vault, stop)))

    async def restore_file(order: Command) -> Outcome:
        return await in_thread(lambda stop: restored_with(host, *_restore(order, vault, stop)))

    async def collect_package(order: Command) -> Outcome:
        return await in_thread(lambda stop: _collect_package(order, folders, stop))

    async def collect_file(order: Command) -> Outcome:
        return await in_thread(lambda stop: _collect_file(order, folders, stop))

    return {
        "file.quarantine": stop_and_quarantine,
        "file.restore": restore_file,
        "device.collect_package": collect_package,
        "file.collect": collect_file,
    }


def _digest(arguments: Mapping[str, Any]) -> str:
    value = str(arguments.get("sha256", "")).lower()
    if not _SHA256.fullmatch(value):
        raise Refused("bad_arguments", "A file is named by its SHA-256.")
    return value


def _paths(arguments: Mapping[str, Any]) -> list[str]:
    listed = arguments.get("paths")
    if not isinstance(listed, list) or len(listed) > MAX_PATHS:
        raise Refused("bad_arguments", f"Paths are a list of at most {MAX_PATHS}.")
    return [checked_path(one) for one in listed]


def _may_end(one: Process) -> bool:
    """What the host needs to run goes on, also when its content is what was ordered: that order is wrong."""
    return one.deleted or not is_protected(one.path)


def _stop_and_quarantine(order: Command, vault: Vault, stop: Stop) -> Outcome:
    """Processes first, so that none writes the file anew; then each place, those of the processes too."""
    sha256, paths = _digest(order.arguments), _paths(order.arguments)
    found = running(sha256)
    spared = [one for one in found if not _may_end(one)]
    places = list(dict.fromkeys([*paths, *(one.path for one in found if _may_end(one) and not one.deleted)]))
    ended = end_all(lambda: [one for one in running(sha256) if _may_end(one)])
    taken, refused = [], []
    for path in places:
        if stop.asked:
            refused.append({"path": path, "code": "stopped", "detail": STOPPED})
            continue
        try:
            taken.append(asdict(take(path, sha256, vault, reason=order.id)))
        except (Refused, VaultError, OSError) as error:
            refused.append({"path": path, **reason_of(error)})
    left = bool(ended.left or spared or running(sha256))
    result = {
        "sha256": sha256, "stopped": [asdict(one) for one in ended.killed], "still_running": ended.left,
        "spared": [asdict(one) for one in spared], "taken": taken, "refused": refused,
    }  # fmt: skip
    missing = [one for one in refused if one["code"] != "not_found"]
    if not taken and not ended.killed and missing:
        more = f" And {len(missing) - 1} more." if len(missing) > 1 else ""
        detail = f"{missing[0]['path']}: {missing[0]['detail']}{more}"
        return State.FAILED, {**result, "code": missing[0]["code"], "detail": detail}
    if not taken and not ended.killed:
        return State.FAILED, {**result, "code": "not_found", "detail": "Neither the file nor a process of it is here."}
    return (State.PARTIALLY_SUCCEEDED if missing or left else State.SUCCEEDED), result


def _restore(order: Command, vault: Vault, stop: Stop) -> Outcome:
    items = order.arguments.get("items")
    if not isinstance(items, list) or not 0 < len(items) <= MAX_PATHS:
        raise Refused("bad_arguments", f"Items are a list of at most {MAX_PATHS}.")
    restored, refused = [], []
    for item in map(str, items):
        if stop.asked:
            refused.append({"item": item, "code": "stopped", "detail": STOPPED})
            continue
        try:
            path = vault.item(item).path
            restored.append({"item": item, "path": path, "notes": restore(item, vault)})
        except (Refused, VaultError, OSError) as error:
            refused.append({"item": item, **reason_of(error)})
    state = State.SUCCEEDED if not refused else State.PARTIALLY_SUCCEEDED if restored else State.FAILED
    return state, {"restored": restored, "refused": refused}


def _collect_package(order: Command, folders: Folders, stop: Stop) -> Outcome:
    """The password goes with the signed result, never with the file."""
    draft = folders.state / f"package-{hashlib.sha256(order.id.encode()).hexdigest()[:16]}.zip"
    draft.unlink(missing_ok=True)
    try:
        package = collect(STEPS, draft, {"device": order.device, "order": order.id, "agent": __version__}, stop)
        artefact = keep_file(draft, "investigation-package.zip", "application/zip", folders, check=stop.check)
    finally:
        draft.unlink(missing_ok=True)
    steps = [asdict(one) for one in package.outcomes]
    state = State.SUCCEEDED if package.complete else State.PARTIALLY_SUCCEEDED
    return state, {"artefacts": [artefact], "password": package.password, "steps": steps}


def _collect_file(order: Command, folders: Folders, stop: Stop) -> Outcome:
    path = checked_path(order.arguments.get("path"))
    handle = open_without_links(path)
    try:
        if not Path(f"/proc/self/fd/{handle}").is_file():
            raise Refused("no_file", f"{path} is no plain file.")
        artefact = keep_file(Path(f"/proc/self/fd/{handle}"), path.rpartition("/")[2], "application/octet-stream",
                             folders, limit=limit_of(order.arguments), check=stop.check)  # fmt: skip
    finally:
        os.close(handle)
    return State.SUCCEEDED, {"artefacts": [artefact], "path": path}
