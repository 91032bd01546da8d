"""Which file systems the guard watches: every one that holds files, or only those that its own settings name."""

import json
from collections.abc import Iterator
from pathlib import Path

from soc_agent.folders import Folders

# What keeps files of programs. /proc, /sys and their like hold none.
REAL = frozenset({
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "bcachefs", "zfs", "jfs", "reiserfs", "overlay", "tmpfs", "vfat",
    "exfat", "ntfs", "ntfs3", "fuseblk", "iso9660", "udf", "squashfs", "erofs", "nfs", "nfs4", "cifs", "smb3",
    "9p", "virtiofs",
})  # fmt: skip

# What a container has for itself.
PRIVATE = frozenset({"tmpfs", "overlay"})
_FIRST_NAMESPACE = 0xEFFFFFFC


def settings_of(folders: Folders) -> Path:
    return folders.settings.with_name("guard.json")


def watched(folders: Folders) -> list[str]:
    """One path for each file system. An agent that lives in a folder of its own watches only what is mounted below it,
    or what `guard.json` names in `mounts`: the rest of the machine is not its host. In a container the disks that are
    lent to it are the machine's, so it watches only what was made for it."""
    try:
        named = [str(one) for one in json.loads(settings_of(folders).read_text()).get("mounts", [])]
    except (OSError, ValueError, AttributeError):
        named = []
    found: dict[str, str] = {}
    own, kinds = str(folders.root.resolve()), REAL if on_machine() else PRIVATE
    for device, root, path, kind in _mounts():
        inside = own == "/" or path.startswith(f"{own}/")
        whole = kinds is REAL or root == "/"
        if (path in named) if named else (kind in kinds and inside and whole):
            found.setdefault(device, path)
    return list(found.values())


def on_machine() -> bool:
    """Whether this is the machine itself and no container: its first namespace of processes has a fixed number."""
    return Path("/proc/self/ns/pid").stat().st_ino == _FIRST_NAMESPACE


def _mounts() -> Iterator[tuple[str, str, str, str]]:
    """Device, which part of it, place, kind of each."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        head, _, tail = line.partition(" - ")
        fields = head.split()
        path = fields[4].encode().decode("unicode_escape") if "\\" in fields[4] else fields[4]
        yield fields[2], fields[3], path, tail.split()[0]
