"""Ending a process, switching a service or a cron entry off, and giving back what was there."""

import json
import os
import re
import secrets
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soc_agent.capabilities import PATH
from soc_agent.folders import Folders
from soc_agent.live.answer import Answer
from soc_agent.live.system import UNITS, cron_files, started_at
from soc_agent.orders import Refused
from soc_agent.processes import Process, digest_of, end_all
from soc_agent.quarantine import open_without_links, restore, take
from soc_agent.vault import Vault, VaultError

_SERVICE = re.compile(r"[A-Za-z0-9@_.:-]{1,200}\.service")
_ITEM = re.compile(r"(?:service|cron)-[0-9a-f]{16}")
_OURS = "soc-agent"
_QUICK_S = 20
_NOTHING: Mapping[str, str] = {}


def end_process(thing: str, seen: Mapping[str, str] = _NOTHING) -> Answer:
    """This very process, not one that gets its number meanwhile. Raises `Refused`."""
    pid = int(thing) if thing.isascii() and thing.isdigit() and len(thing) <= 10 else 0
    began = _began(pid)
    if not began:
        raise Refused("not_found", f"There is no process {thing}.")
    if pid in {1, os.getpid(), os.getppid()} or not _path(pid):
        raise Refused("protected", f"Process {pid} is one that this host or its agent cannot do without.")
    name, path = _name(pid), _path(pid)
    _check_seen(seen, path=path, started=started_at(pid))
    ended = end_all(lambda: [Process(pid, name, path, "", False)] if _runs(pid, began) else [])
    if ended.left:
        raise Refused("still_running", f"Process {pid} would not end.")
    return Answer(text=f"Process {pid} {name} was ended; its program {path} stays where it is.",
                  facts={"item": f"process-{pid}", "path": path})  # fmt: skip


def _check_seen(seen: Mapping[str, str], **now: str) -> None:
    """Raises `Refused` when it is not what was looked at before."""
    for name, value in now.items():
        if seen.get(name, value) != value:
            raise Refused("changed", f"It has changed since it was looked at: {value}, not {seen[name]}.")


def _runs(pid: int, began: str) -> bool:
    try:
        return _began(pid) == began and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _began(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _path(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def switch_service_off(thing: str, vault: Vault, folders: Folders, seen: Mapping[str, str] = _NOTHING) -> Answer:
    """Stopped, no longer wanted at start, and its unit file in the store. Raises `Refused`."""
    name = thing if thing.endswith(".service") else f"{thing}.service"
    if not _SERVICE.fullmatch(name) or name.startswith(_OURS):
        raise Refused("protected" if name.startswith(_OURS) else "bad_arguments", f"{name} is not switched off here.")
    path = Path(UNITS[0]) / name
    if path.is_symlink() or not path.is_file():
        raise Refused("not_found", f"There is no unit {path}; units of packages are not taken away.")
    _check_seen(seen, file=str(path))
    stopped = _systemctl("stop", name)
    handle = open_without_links(str(path))
    try:
        digest = digest_of(handle)
    finally:
        os.close(handle)
    # Before the unit goes: Python 3.11 does not find a link that leads nowhere.
    wanted = [[str(link), str(link.readlink())] for link in sorted(Path(UNITS[0]).glob(f"*.wants/{name}"))
              if link.is_symlink()]  # fmt: skip
    taken = take(str(path), digest, vault, reason="live response")
    item = _note("service", {"unit": name, "vault": taken.item, "wanted": wanted}, folders)
    for link, _ in wanted:
        Path(link).unlink(missing_ok=True)
    _systemctl("daemon-reload")
    said = "stopped and " if stopped else ""
    return Answer(text=f"{name} was {said}switched off; undo service {item} brings it back.",
                  facts={"item": item, "path": str(path)})  # fmt: skip


def switch_cron_off(thing: str, folders: Folders, seen: Mapping[str, str] = _NOTHING) -> Answer:
    """One entry, named `file:line` as `scheduledtasks` tells it. Raises `Refused`."""
    file, _, number = thing.rpartition(":")
    if not number.isdigit() or Path(file) not in set(cron_files()):
        raise Refused("not_found", f"There is no cron entry {thing}; scheduledtasks lists them.")
    lines = _lines(file)
    place = int(number) - 1
    if not 0 <= place < len(lines) or not lines[place].strip() or lines[place].lstrip().startswith("#"):
        raise Refused("not_found", f"There is no cron entry in line {number} of {file}.")
    gone = lines[place]
    if seen.get("runs", "") not in gone:
        raise Refused("changed", f"Line {number} of {file} has changed since it was looked at.")
    item = _note("cron", {"file": file, "line": gone, "place": place}, folders)
    _write(file, [*lines[:place], *lines[place + 1 :]])
    return Answer(text=f"The entry was taken out of {file}; undo cron {item} puts it back.\n{gone}",
                  facts={"item": item, "path": file})  # fmt: skip


def undo(what: str, thing: str, folders: Folders) -> Answer:
    """Raises `Refused` when there is nothing to give back, or something stands in its place."""
    if not _ITEM.fullmatch(thing) or not thing.startswith(f"{what}-"):
        raise Refused("bad_arguments", "An item is named as `remediate list` shows it.")
    note = _notes(folders) / f"{thing}.json"
    try:
        told = json.loads(note.read_bytes())
    except (OSError, ValueError):
        raise Refused("not_found", f"There is no item {thing} on this host.") from None
    answer = _service_back(told, folders) if what == "service" else _cron_back(told)
    note.unlink()
    return answer


def _service_back(told: dict[str, Any], folders: Folders) -> Answer:
    vault = Vault(folders.vault)
    try:
        path = vault.item(told["vault"]).path
        notes = restore(told["vault"], vault)
    except VaultError as error:
        raise Refused("not_found", str(error)) from None
    for link, leads_to in told["wanted"]:
        if not os.path.lexists(link):
            Path(link).parent.mkdir(exist_ok=True)
            Path(link).symlink_to(leads_to)
    _systemctl("daemon-reload")
    if told["wanted"]:
        _systemctl("start", told["unit"])
    return Answer(text="\n".join([f"{told['unit']} is back.", *notes]), facts={"path": path})


def _cron_back(told: dict[str, Any]) -> Answer:
    lines = _lines(told["file"])
    if told["line"] in lines:
        raise Refused("in_the_way", f"The entry is in {told['file']} already.")
    place = min(int(told["place"]), len(lines))
    _write(told["file"], [*lines[:place], told["line"], *lines[place:]])
    return Answer(text=f"The entry is back in {told['file']}.", facts={"path": told["file"]})


def _lines(file: str) -> list[str]:
    handle = open_without_links(file)
    with os.fdopen(handle, "rb") as opened:
        return opened.read(1024 * 1024).decode(errors="surrogateescape").splitlines()


def _write(file: str, lines: list[str]) -> None:
    """In one step, with owner and rights as they were."""
    path = Path(file)
    seen = path.lstat()
    if not stat.S_ISREG(seen.st_mode):
        raise Refused("no_file", f"{file} is no plain file.")
    draft = path.with_name(f".{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as target:
            target.write("".join(f"{line}\n" for line in lines).encode(errors="surrogateescape"))
            os.fchown(target.fileno(), seen.st_uid, seen.st_gid)
            os.fchmod(target.fileno(), stat.S_IMODE(seen.st_mode))
            target.flush()
            os.fsync(target.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _notes(folders: Folders) -> Path:
    place = folders.state / "live" / "undo"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def _note(kind: str, told: dict[str, Any], folders: Folders) -> str:
    """What undo needs, written down before anything is changed that is not in the store already."""
    item = f"{kind}-{secrets.token_hex(8)}"
    folders.write(_notes(folders) / f"{item}.json", json.dumps(told).encode())
    return item


def _systemctl(*words: str) -> bool:
    """Whether systemd runs here and did it."""
    found = shutil.which("systemctl", path=PATH)
    if found is None or not Path("/run/systemd/system").is_dir():
        return False
    try:
        return subprocess.run([found, *words], capture_output=True, timeout=_QUICK_S, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
