"""Looking at files: folders, facts, finding by name, fetching. No link is followed where the kernel can forbid it."""

import fnmatch
import grp
import hashlib
import os
import pwd
import stat
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from soc_agent.folders import Folders
from soc_agent.live.answer import Answer, Row, table
from soc_agent.live.stoppable import Stop
from soc_agent.orders import Refused
from soc_agent.spool import keep_file

MAX_FOUND, MAX_LISTED = 5_000, 20_000
MAX_HASHED = 30 * 1024**3
_NOT_WALKED = ("/proc", "/sys", "/dev/fd")
_CHUNK = 1024 * 1024
_TYPES = {stat.S_IFDIR: "folder", stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFIFO: "pipe",
          stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}  # fmt: skip


def path_in(arguments: Any, name: str = "path") -> str:
    """An absolute path. Raises `Refused`."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value.startswith("/") or "\x00" in value or len(value) > 4_096:
        raise Refused("bad_arguments", "A path is absolute.")
    return os.path.normpath(value)


def change_folder(path: str) -> Answer:
    if not Path(path).is_dir():
        raise Refused("no_folder", f"There is no folder {path}.")
    return Answer(facts={"folder": path})


def list_folder(path: str, *, whole: bool, stop: Stop) -> Answer:
    """One row for each entry, folders first."""
    try:
        with os.scandir(path) as entries:
            found = [entry for entry, _ in zip(entries, range(MAX_LISTED + 1), strict=False)]
    except NotADirectoryError:
        return table([_row(path, path)])
    except OSError as error:
        raise Refused("no_folder", f"{path}: {error.strerror}.") from None
    found.sort(key=lambda entry: (not entry.is_dir(follow_symlinks=False), entry.name))

    def rows() -> Iterator[Row]:
        for entry in found[:MAX_LISTED]:
            stop.check()
            yield _row(entry.path, entry.path if whole else entry.name)

    answer = table(rows(), path=path)
    answer.truncated = answer.truncated or len(found) > MAX_LISTED
    return answer


def _row(path: str, shown: str) -> Row:
    try:
        seen = os.lstat(path)
    except OSError as error:
        return {"name": shown, "type": error.strerror}
    link = f" -> {Path(path).readlink()}" if stat.S_ISLNK(seen.st_mode) else ""
    return {"name": f"{shown}{link}", "type": _type(seen.st_mode), "size": seen.st_size,
            "mode": stat.filemode(seen.st_mode), "owner": _user(seen.st_uid),
            "modified": _moment(seen.st_mtime)}  # fmt: skip


def _type(mode: int) -> str:
    return _TYPES.get(stat.S_IFMT(mode), "other")


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: UP017 - Python 3.11


def file_info(path: str, stop: Stop) -> Answer:
    """Facts of one file, with its hashes when it is a plain one."""
    try:
        seen = os.lstat(path)
    except OSError as error:
        raise Refused("not_found", f"{path}: {error.strerror}.") from None
    facts: Row = {
        "path": path, "type": _type(seen.st_mode), "size": seen.st_size, "mode": stat.filemode(seen.st_mode),
        "owner": _user(seen.st_uid), "group": _group(seen.st_gid), "links": seen.st_nlink,
        "modified": _moment(seen.st_mtime), "changed": _moment(seen.st_ctime), "read": _moment(seen.st_atime),
    }  # fmt: skip
    if stat.S_ISLNK(seen.st_mode):
        facts["leads_to"] = str(Path(path).readlink())
    elif stat.S_ISREG(seen.st_mode) and seen.st_size <= MAX_HASHED:
        facts |= _hashes(path, stop)
    rows = [{"fact": name.replace("_", " "), "value": value} for name, value in facts.items()]
    answer = table(rows)
    answer.facts = {name: facts[name] for name in ("path", "size", "sha256") if name in facts}
    return answer


def _hashes(path: str, stop: Stop) -> dict[str, str]:
    found = {name: hashlib.new(name, usedforsecurity=False) for name in ("sha256", "sha1", "md5")}
    with _opened(path) as file:
        while part := file.read(_CHUNK):
            stop.check()
            for one in found.values():
                one.update(part)
    return {name: one.hexdigest() for name, one in found.items()}


def _opened(path: str) -> Any:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOATIME)
    except PermissionError:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.fdopen(handle, "rb")


def find_file(name: str, start: str, stop: Stop) -> Answer:
    """By name or pattern, without leaving the disks of the host."""
    if not name or len(name) > 255 or "/" in name:
        raise Refused("bad_arguments", "A name has no / in it.")
    pattern = name.lower()
    found: list[Row] = []
    waiting = [start]
    while waiting and len(found) <= MAX_FOUND:
        stop.check()
        folder = waiting.pop()
        if folder.startswith(_NOT_WALKED):
            continue
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if fnmatch.fnmatchcase(entry.name.lower(), pattern):
                        found.append(_row(entry.path, entry.path))
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue
    answer = table(found[:MAX_FOUND])
    answer.text = "" if found else f"No file {name} below {start}."
    answer.truncated = answer.truncated or len(found) > MAX_FOUND
    return answer


def get_file(path: str, folders: Folders, stop: Stop, *, expected: str = "") -> Answer:
    """A copy for the portal. What is no plain file, is empty or has holes is refused with the reason; so is one that is
    no longer what was looked at."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if Path(path).is_symlink():
            leads_to = Path(path).readlink()
            raise Refused("link", f"{path} is a link to {leads_to}; name the file itself.") from None
        raise Refused("not_found", f"{path}: {error.strerror}.") from None
    answer = _kept(handle, path, folders, stop)
    if expected and answer.artefacts[0]["sha256"] != expected:
        (folders.spool / answer.artefacts[0]["sha256"]).unlink(missing_ok=True)
        raise Refused("changed", f"{path} has changed since it was looked at.")
    return answer


def get_program(pid: int, folders: Folders, stop: Stop) -> Answer:
    """What a process runs, also when its file was deleted since."""
    place = Path(f"/proc/{pid}/exe")
    try:
        path = str(place.readlink()).removesuffix(" (deleted)")
        handle = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise Refused("not_found", f"There is no process {pid}, or it belongs to the kernel.") from None
    return _kept(handle, path, folders, stop)


def _kept(handle: int, path: str, folders: Folders, stop: Stop) -> Answer:
    try:
        check_fetchable(os.fstat(handle), path)
        stop.check()
        kept = keep_file(Path(f"/proc/self/fd/{handle}"), path.rpartition("/")[2], "application/octet-stream", folders,
                         check=stop.check)  # fmt: skip
        return Answer(text=f"{path}: {kept['size']:,} bytes, SHA-256 {kept['sha256']}", artefacts=[kept],
                      facts={"path": path})  # fmt: skip
    finally:
        os.close(handle)


def check_fetchable(seen: os.stat_result, path: str) -> None:
    """Raises `Refused`."""
    if not stat.S_ISREG(seen.st_mode):
        raise Refused("no_file", f"{path} is no plain file but a {_type(seen.st_mode)}.")
    if seen.st_size == 0:
        raise Refused("empty", f"{path} is empty.")
    if seen.st_blocks * 512 < seen.st_size - 4_096:
        raise Refused("sparse", f"{path} has holes: {seen.st_blocks * 512:,} bytes on the disk, {seen.st_size:,} long.")
