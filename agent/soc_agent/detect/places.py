"""Where the detector looks: homes, scratch folders, and the places by which programs start by themselves."""

import os
import pwd
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

TEMPORARY = ("tmp", "var/tmp", "dev/shm")
# Folder below the root -> what starts from there; what lies deeper counts too.
_FOLDERS = {
    "etc/cron.d": "cron", "etc/cron.hourly": "cron", "etc/cron.daily": "cron", "etc/cron.weekly": "cron",
    "etc/cron.monthly": "cron", "var/spool/cron": "cron", "etc/systemd/system": "systemd",
    "etc/systemd/user": "systemd", "run/systemd/system": "systemd", "etc/xdg/autostart": "autostart",
    "etc/init.d": "rc", "etc/profile.d": "rc", "etc/udev/rules.d": "rc",
}  # fmt: skip
_FILES = {"etc/crontab": "cron", "etc/rc.local": "rc", "etc/profile": "rc", "etc/bash.bashrc": "rc",
          "etc/ld.so.preload": "preload"}  # fmt: skip
_OF_HOMES = {
    ".config/systemd/user": "systemd", ".config/autostart": "autostart", ".ssh/authorized_keys": "ssh_keys",
    ".ssh/authorized_keys2": "ssh_keys", ".bashrc": "rc", ".bash_profile": "rc", ".profile": "rc", ".zshrc": "rc",
    ".xprofile": "rc",
}  # fmt: skip
# Large, busy and told by nobody as an attack.
SKIPPED = frozenset({".cache", "node_modules", ".git", ".venv", "__pycache__", ".npm", ".cargo", ".mypy_cache",
                     ".ruff_cache", ".rustup", "Trash"})  # fmt: skip
MAX_DEPTH = 4
# Editors write beside the file and rename; what they leave for themselves starts nothing.
_DRAFTS = (".swp", ".swx", "~", ".tmp", ".dpkg-new", ".dpkg-tmp", ".dpkg-old", ".dpkg-dist", ".ucf-dist", ".new")


class Places:
    """`more` are folders that the host's settings add; `root` and `homes` are for tests."""

    def __init__(self, root: Path = Path("/"), more: tuple[str, ...] = (), homes: tuple[str, ...] = ()) -> None:
        self.root, self.more, self.given_homes = root, more, homes

    @cached_property
    def all_homes(self) -> tuple[str, ...]:
        """Of people, root among them; read once, so make new places when there may be new homes."""
        if self.given_homes:
            return self.given_homes
        own = {one.pw_dir for one in pwd.getpwall() if one.pw_uid == 0 or 1000 <= one.pw_uid < 60_000}
        found = {str(path) for path in (self.root / "home").glob("*") if path.is_dir()}
        return tuple(sorted(home for home in own | found if home != "/" and Path(home).is_dir()))

    def watched(self) -> Iterator[tuple[str, int]]:
        """Folders with how deep below them is looked. The most telling come first, for a host allows only so many."""
        for name in (*_FOLDERS, "etc"):
            yield str(self.root / name), 0 if name == "etc" else 1
        for home in self.all_homes:
            for folder in ("", ".ssh", ".config/systemd/user", ".config/autostart"):
                yield str(PurePosixPath(home, folder)), 0
        for name in TEMPORARY:
            yield str(self.root / name), 3
        for folder in (*self.more, *self.all_homes):
            yield folder, MAX_DEPTH

    def kind(self, path: str) -> str:
        """By what a file there would be started: `cron`, `systemd`, ...; empty for any other."""
        if path.endswith(_DRAFTS) or PurePosixPath(path).name.startswith((".#", ".nfs")):
            return ""
        below = os.path.relpath(path, self.root)
        if below in _FILES:
            return _FILES[below]
        for folder, kind in _FOLDERS.items():
            if below.startswith(f"{folder}/"):
                return kind
        for home in self.all_homes:
            if path.startswith(f"{home}/"):
                return self._of_home(path[len(home) + 1 :])
        return ""

    def _of_home(self, below: str) -> str:
        return next((kind for name, kind in _OF_HOMES.items() if below == name or below.startswith(f"{name}/")), "")

    def area(self, path: str) -> str:
        """The watched place that a file belongs to: a home, a scratch folder."""
        tops = (*self.more, *self.all_homes, *(str(self.root / name) for name in TEMPORARY))
        return next((top for top in tops if path.startswith(f"{top}/")), str(PurePosixPath(path).parent))
