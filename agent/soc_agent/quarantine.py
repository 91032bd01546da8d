"""Taking a file away so that it can neither run nor be read, and giving it back as it was.

The file that is named is opened without following any link on the way, and it is what was ordered only when its digest
is: whatever stands there by now. It goes when its copy was read back from the store and is right, never before.
"""

import os
import secrets
import stat
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soc_agent.attributes import APPEND_ONLY, IMMUTABLE, read_attributes, read_flags, write_attributes, write_flags
from soc_agent.orders import Refused
from soc_agent.processes import digest_of
from soc_agent.vault import Item, Vault

# Without these a host does not come up again, or nobody gets at it.
PROTECTED = (
    "/bin/", "/sbin/", "/lib/", "/lib64/", "/boot/", "/usr/bin/", "/usr/sbin/", "/usr/lib/systemd/",
    "/usr/lib/soc-agent/", "/usr/lib/x86_64-linux-gnu/", "/usr/lib/aarch64-linux-gnu/", "/etc/passwd", "/etc/shadow",
    "/etc/group", "/etc/fstab", "/etc/ssh/", "/etc/pam.d/", "/etc/sudoers", "/etc/soc-agent/", "/var/lib/soc-agent/",
    "/proc/", "/sys/", "/dev/",
)  # fmt: skip
# Everybody may write there, intruders too.
_NOT_PROTECTED = ("/dev/shm/",)  # noqa: S108 - files are taken from there
MAX_SIZE = 4 * 1024**3
_RESOLVE_NO_LINKS = 0x04


@dataclass(frozen=True, slots=True)
class Taken:
    """`already` says that an earlier order took it, `links` that the file had further names, which now lead to a
    file of mode 0."""

    item: str
    path: str
    sha256: str
    size: int
    already: bool = False
    links: int = 1
    notes: Sequence[str] = field(default_factory=tuple)


def is_protected(path: str) -> bool:
    """Whether this host needs it to run."""
    return path.startswith(PROTECTED) and not path.startswith(_NOT_PROTECTED)


def take(path: str, sha256: str, vault: Vault, *, reason: str = "", allow_packaged: bool = False) -> Taken:
    """Raises `Refused` (`protected`, `packaged`, `not_found`, `other_content`, `no_file`, `too_large`) before anything
    is changed, `OSError` or `VaultError` when the store or the disk fails, and then the file is still there."""
    clean = checked_path(path)
    if is_protected(clean):
        raise Refused("protected", f"{clean} belongs to what this host needs to run.")
    earlier = next((one for one in vault.items() if one.path == clean and one.sha256 == sha256), None)
    try:
        handle = open_without_links(clean)
    except FileNotFoundError:
        if earlier is not None:
            return Taken(earlier.id, clean, sha256, earlier.size, already=True)
        raise Refused("not_found", f"There is no file {clean}.") from None
    try:
        seen = _checked_file(handle, clean, sha256)
        owner = package_of(clean)
        if owner and not allow_packaged:
            raise Refused("packaged", f"{clean} belongs to the package {owner}.")
        return _move(handle, seen, clean, sha256, vault, reason)
    finally:
        os.close(handle)


def _checked_file(handle: int, path: str, sha256: str) -> os.stat_result:
    seen = os.fstat(handle)
    if not stat.S_ISREG(seen.st_mode):
        raise Refused("no_file", f"{path} is no plain file.")
    if seen.st_size > MAX_SIZE:
        raise Refused("too_large", f"{path} is larger than {MAX_SIZE} bytes.")
    if digest_of(handle) != sha256:
        raise Refused("other_content", f"What is at {path} now is another file.")
    return seen


def _move(handle: int, seen: os.stat_result, path: str, sha256: str, vault: Vault, reason: str) -> Taken:
    metadata: dict[str, Any] = read_attributes(handle)
    item = Item(secrets.token_hex(12), path, sha256, seen.st_size, time.time(), metadata, reason)
    vault.put(item, handle)
    try:
        flags = read_flags(handle)
        if flags & (IMMUTABLE | APPEND_ONLY):
            write_flags(handle, flags & ~(IMMUTABLE | APPEND_ONLY))
        _unlink_same(path, seen)
        # Whoever has it open, or knows it by another name, can no longer start it.
        os.fchmod(handle, 0)
    except BaseException:
        if os.fstat(handle).st_nlink == seen.st_nlink:
            vault.remove(item.id)
        raise
    return Taken(item.id, path, sha256, seen.st_size, links=seen.st_nlink)


def _unlink_same(path: str, seen: os.stat_result) -> None:
    """Remove the name, if it still means the file that was stored."""
    folder, _, name = path.rpartition("/")
    parent = open_without_links(folder or "/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        now = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if (now.st_dev, now.st_ino) != (seen.st_dev, seen.st_ino):
            raise Refused("other_content", f"What is at {path} was exchanged while it was stored.")
        os.unlink(name, dir_fd=parent)
        os.fsync(parent)
    finally:
        os.close(parent)


def restore(item_id: str, vault: Vault) -> list[str]:
    """Put an item back where it was, as it was; notes on what could not be put back. Raises `Refused`
    (`in_the_way`, `no_folder`) when its place is taken or gone, `VaultError` when it is not what was stored."""
    item = vault.item(item_id)
    folder, _, name = item.path.rpartition("/")
    try:
        parent = open_without_links(folder or "/", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        raise Refused("no_folder", f"The folder {folder} is gone, or a link stands in its way.") from None
    draft = f".{name[:100]}.{item.id}"
    try:
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parent)
        try:
            notes = _named_again(handle, item, vault, draft, name, parent)
            notes += _flags_back(handle, item)
        finally:
            os.close(handle)
        os.fsync(parent)
    finally:
        os.close(parent)
    vault.remove(item_id)
    return notes


def _named_again(handle: int, item: Item, vault: Vault, draft: str, name: str, parent: int) -> list[str]:
    """The content under its name, and under no other: afterwards the file may be one that cannot lose a name."""
    try:
        notes = _fill(handle, item, vault)
        os.link(draft, name, src_dir_fd=parent, dst_dir_fd=parent, follow_symlinks=False)
    except FileExistsError:
        raise Refused("in_the_way", f"Something else is at {item.path} now.") from None
    finally:
        os.unlink(draft, dir_fd=parent)
    return notes


def _fill(handle: int, item: Item, vault: Vault) -> list[str]:
    vault.take(item.id, handle)
    notes = write_attributes(handle, {**item.metadata, "flags": 0})
    os.fsync(handle)
    return notes


def _flags_back(handle: int, item: Item) -> list[str]:
    """Last of all: a file that may not be changed can get no name either."""
    flags = int(item.metadata.get("flags", 0))
    if not flags:
        return []
    try:
        write_flags(handle, read_flags(handle) | flags)
    except OSError as error:
        return [f"flags: {error.strerror}"]
    return []


def checked_path(path: object) -> str:
    """An absolute path without detours; raises `Refused`."""
    if not isinstance(path, str) or not path.startswith("/") or "\0" in path or len(path) > 4096:
        raise Refused("bad_path", "A path begins at the root and holds no zero byte.")
    if os.path.normpath(path) != path:
        raise Refused("bad_path", "A path has no detours.")
    return path


def open_without_links(path: str, flags: int = os.O_RDONLY) -> int:
    """Open it step by step, so that no link on the way, nor one put there meanwhile, leads elsewhere."""
    parts = [part for part in path.split("/") if part]
    handle = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        how = (flags | os.O_NONBLOCK) if last else os.O_RDONLY | os.O_DIRECTORY
        try:
            following = os.open(part, how | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
        except OSError as error:
            raise _named(error, path) from None
        finally:
            os.close(handle)
        handle = following
    return handle


def _named(error: OSError, path: str) -> OSError | Refused:
    if isinstance(error, FileNotFoundError):
        return error
    if error.errno in (20, 40):
        return Refused("link_on_the_way", f"A link stands on the way to {path}.")
    return error


def package_of(path: str) -> str:
    """The Debian package that a file belongs to; empty when none does, or none is known here."""
    if not Path("/usr/bin/dpkg-query").exists():
        return ""
    done = subprocess.run(["/usr/bin/dpkg-query", "-S", "--", path], capture_output=True, text=True, timeout=20,
                          check=False, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})  # fmt: skip
    return done.stdout.partition(":")[0][:80] if done.returncode == 0 else ""
