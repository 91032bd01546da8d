"""PostgreSQL refuses to run as root: as root it gets an unprivileged user, and one capability to reach its files."""

import os
import pwd
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from soc_portal.up.errors import UpError

_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Identity:
    uid: int
    gid: int


def identity_for(folder: Path) -> Identity | None:
    """Who shall run a server on this folder: None means whoever runs us. An existing folder keeps its owner."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and folder.stat().st_uid != 0:
        return Identity(folder.stat().st_uid, folder.stat().st_gid)
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(entry.pw_uid, entry.pw_gid)
    raise UpError("PostgreSQL cannot run as root: add an unprivileged user (useradd --system postgres)")


def run_as(identity: Identity | None, death_signal: signal.Signals) -> list[str]:
    """The words before a command. `setpriv` renews the death signal, which a change of user clears."""
    if identity is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise UpError("as root, setpriv is needed to run PostgreSQL unprivileged (apt-get install util-linux)")
    return [
        setpriv,
        f"--reuid={identity.uid}",
        f"--regid={identity.gid}",
        "--clear-groups",
        # Data and binaries may lie below /root, which stays closed to everybody else.
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=-all,+dac_override",
        # Without this the capability does not count for access(), by which initdb looks for its own programs.
        *(["--securebits=+no_setuid_fixup"] if _is_closed(Path(sys.prefix)) else []),
        f"--pdeathsig={death_signal.name.removeprefix('SIG')}",
        "--",
    ]


def _is_closed(place: Path) -> bool:
    """Whether other users cannot reach what lies there."""
    return any(not folder.stat().st_mode & 0o001 for folder in (place, *place.parents))
