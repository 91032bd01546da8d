"""Whether a file belongs to a package of the system, so that an upgrade is not told as an intruder."""

import os
from pathlib import Path

from soc_agent.detect.running import Processes

MANAGERS = frozenset({"dpkg", "apt", "apt-get", "aptitude", "unattended-upgr", "rpm", "dnf", "yum", "zypper", "snapd"})
# An upgrade writes the list of its files after the files.
RECENT_S = 30.0


class Packages:
    def __init__(self, processes: Processes, root: Path = Path("/")) -> None:
        self._processes, self._root = processes, root

    def busy(self, now: float) -> bool:
        """Whether a package manager of the system works, or did a moment ago."""
        recent = [one for one in self._processes.ended if now - one.started < RECENT_S]
        return any(
            one.name in MANAGERS and one.path.startswith(("/usr/", "/bin/", "/sbin/"))
            for one in (*self._processes.known.values(), *recent)
        )

    def owns(self, path: str) -> bool:
        """Of Debian and its relatives. A link counts as what it leads to, as systemd's switched-on units do."""
        names = {"/" + os.path.relpath(path, self._root).lstrip("/")}
        if Path(path).is_symlink():
            target = os.path.normpath(Path(path).parent / Path(path).readlink())
            names.add("/" + os.path.relpath(target, self._root).lstrip("/"))
        wanted = {one.encode() for one in names}
        # /lib is /usr/lib on a merged system, and packages name either.
        wanted |= {one.removeprefix(b"/usr") for one in wanted} | {b"/usr" + one for one in wanted}
        return any(wanted & set(_lines(file)) for file in self._lists())

    def _lists(self) -> list[Path]:
        return sorted((self._root / "var/lib/dpkg/info").glob("*.list"))

    def configured(self, path: str) -> bool:
        """A setting of a package that stands in no list of files: `dpkg` keeps those by themselves."""
        name = ("/" + os.path.relpath(path, self._root).lstrip("/")).encode()
        return any(name in _lines(file) for file in (self._root / "var/lib/dpkg/info").glob("*.conffiles"))


def _lines(file: Path) -> list[bytes]:
    try:
        return file.read_bytes().splitlines()
    except OSError:
        return []
