"""Which run of a program an alert speaks of, and which run started it: keys that are equal for the same run.

A process id alone comes again within hours, so a run is its id with the second in which it began, or the sensor's own
identifier of it. What starts everything on a machine (the desktop, the manager of services) is left out: that two
programs were started by it says nothing about either.
"""

import re
from typing import Any

from incidents.ingest.reading import text

PREFIX = "process:"
# The programs that start what people, services and timers run.
STARTERS = frozenset({
    "explorer.exe", "services.exe", "svchost.exe", "winlogon.exe", "wininit.exe", "userinit.exe", "smss.exe",
    "csrss.exe", "taskeng.exe", "taskhostw.exe", "wmiprvse.exe", "sihost.exe", "runtimebroker.exe", "system",
    "systemd", "init", "sshd", "cron", "crond", "atd", "dbus-daemon", "launchd", "gnome-shell", "login", "containerd",
    "containerd-shim", "dockerd", "kubelet",
})  # fmt: skip
_SECOND = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)")
_IDENTIFIER = re.compile(r"\{?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?")


def run_of(process_id: Any, began: Any) -> list[str]:
    """The key of the run with this id (a number, also in hexadecimal) that began then; none when either is missing."""
    second = _SECOND.match(began) if isinstance(began, str) else None
    try:
        number = int(process_id, 0) if isinstance(process_id, str) else int(process_id)
    except (TypeError, ValueError):
        return []
    return [f"{PREFIX}{number}@{second[1]}T{second[2]}"] if second and 0 < number < 2**32 else []


def run_named(identifier: str) -> list[str]:
    """The key of the run that a sensor names by an identifier of its own; none when it is no such identifier."""
    found = _IDENTIFIER.fullmatch(identifier.strip())
    return [f"{PREFIX}{found[1].lower()}"] if found and found[1].strip("0-") else []


def starts_everything(image: str) -> bool:
    """Whether the program of this name or path starts whatever runs, or is not named at all."""
    name = re.split(r"[\\/]", image.strip())[-1].lower()
    return not name or name in STARTERS


def parents_of(entry: dict[str, Any], image: str, keys: list[str]) -> list[str]:
    """The keys of the starting run, unless its program starts everything. `image` is the field that names it."""
    return [] if starts_everything(text(entry, image)) else keys
