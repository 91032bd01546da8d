"""Where things lie that start by themselves: units, timers, cron, at, autostart, rc and profile lines, keys."""

import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Kind, and the places below a root; what ends in a star holds many.
_PLACES = (
    ("unit", ("etc/systemd/system/**/*", "usr/local/lib/systemd/system/*", "run/systemd/system/*",
              "etc/systemd/user/**/*")),
    ("cron", ("etc/crontab", "etc/anacrontab", "etc/cron.d/*", "var/spool/cron/crontabs/*", "var/spool/cron/*")),
    ("cron_script", ("etc/cron.hourly/*", "etc/cron.daily/*", "etc/cron.weekly/*", "etc/cron.monthly/*")),
    ("at", ("var/spool/cron/atjobs/*", "var/spool/at/*")),
    ("autostart", ("etc/xdg/autostart/*.desktop",)),
    ("rc", ("etc/rc.local", "etc/init.d/*", "etc/rc.d/*")),
    ("profile", ("etc/profile", "etc/profile.d/*", "etc/bash.bashrc", "etc/zsh/zshrc", "etc/environment")),
    ("preload", ("etc/ld.so.preload",)),
)  # fmt: skip
_OF_HOMES = (
    ("unit", (".config/systemd/user/**/*", ".local/share/systemd/user/*")),
    ("autostart", (".config/autostart/*.desktop",)),
    ("profile", (".profile", ".bash_profile", ".bash_login", ".bashrc", ".bash_logout", ".zshrc", ".zprofile",
                 ".xprofile", ".xsessionrc")),
    ("authorized_keys", (".ssh/authorized_keys", ".ssh/authorized_keys2")),
)  # fmt: skip
MOST, LARGEST = 5_000, 1024 * 1024
# Kinds whose lines stand for themselves; of the others a file starts one thing and goes as a whole.
BY_LINE = frozenset({"cron", "rc", "profile", "preload", "authorized_keys"})
_ONE_EACH = frozenset({"cron.d", "profile.d", "init.d"})


@dataclass(frozen=True, slots=True)
class Place:
    """A file that starts something."""

    kind: str
    path: Path

    @property
    def stands_alone(self) -> bool:
        """Whether the file starts one thing and may go as a whole; others share it by lines."""
        return self.kind not in BY_LINE or self.path.parent.name in _ONE_EACH


def start_places(root: Path = Path("/")) -> Iterator[Place]:
    """Every plain file in those places, without following links; at most `MOST`."""
    left = MOST
    for base, listed in ((root, _PLACES), *((home, _OF_HOMES) for home in homes(root))):
        for kind, patterns in listed:
            for path in (one for pattern in patterns for one in _matching(base, pattern)):
                if left <= 0:
                    return
                left -= 1
                yield Place(kind, path)


def _matching(base: Path, pattern: str) -> list[Path]:
    try:
        return [one for one in sorted(base.glob(pattern)) if one.is_file() and not one.is_symlink()
                and one.stat().st_size <= LARGEST]  # fmt: skip
    except OSError:
        return []


def homes(root: Path) -> list[Path]:
    """Home folders of those who have one."""
    if root == Path("/"):
        return list(
            dict.fromkeys(Path(one.pw_dir) for one in pwd.getpwall() if one.pw_dir not in ("/", "/nonexistent"))
        )
    return [root / "root", *sorted((root / "home").glob("*"))]
