"""The machine under the portal: Python, disk, memory, and what printing and tests need from the system."""

import ctypes.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from soc_portal.up.doctor.findings import Finding, error, fine, size, warning

NEWEST_NEEDED = (3, 12)
GIB = 1024**3


def python() -> Iterator[Finding]:
    found = f"Python {platform.python_version()} at {sys.executable}"
    if sys.version_info < NEWEST_NEEDED:
        yield error(
            "python", found, "The portal needs Python 3.12 or newer.", "apt-get install python3.13 python3.13-venv"
        )
    else:
        yield fine("python", found)


def disk(folder: Path) -> Iterator[Finding]:
    """A full disk stops the database: nothing more is taken in, and nothing is lost that was accepted."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    usage, inodes = shutil.disk_usage(there), os.statvfs(there)
    found = f"{size(usage.free)} of {size(usage.total)} free ({usage.free / usage.total:.0%}) at {there}"
    mend = f"du -xh {folder} | sort -h | tail; make room, or move the folder and name it with --data"
    if usage.free < GIB / 2 or usage.free < usage.total * 0.02:
        yield error("disk", found, "The database is about to stop, and alerts will be refused.", mend)
    elif usage.free < 4 * GIB and usage.free < usage.total * 0.1:
        yield warning("disk", found, "A busy day, or one backup, may fill the rest.", mend)
    else:
        yield fine("disk", found)
    if inodes.f_files and inodes.f_favail < 10_000:
        yield error(
            "disk", f"room for {inodes.f_favail} more files", "Files cannot be made although there is space.", mend
        )


def memory(meminfo: Path = Path("/proc/meminfo")) -> Iterator[Finding]:
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        free, whole = (int(lines[name].split()[0]) * 1024 for name in ("MemAvailable", "MemTotal"))
    except (OSError, KeyError, ValueError):
        yield fine("memory", "this system does not tell how much memory is free")
        return
    found = f"{size(free)} of {size(whole)} available"
    if free < GIB / 8:
        yield error(
            "memory", found, "The system is about to end processes of the portal.", "free -h; stop what is not needed"
        )
    elif free < GIB / 2:
        yield warning("memory", found, "The portal takes 600 MB and more at work.", "free -h; stop what is not needed")
    else:
        yield fine("memory", found)


def libraries() -> Iterator[Finding]:
    missing = [name for name in ("pango-1.0", "pangoft2-1.0") if ctypes.util.find_library(name) is None]
    if missing:
        yield warning(
            "printing",
            f"the system's library {missing[0]} is missing",
            "Reviews cannot be printed as PDF.",
            "apt-get install libpango-1.0-0 libpangoft2-1.0-0 fonts-dejavu-core",
        )
    else:
        yield fine("printing", "Pango is there: reviews can be printed as PDF")
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    yield fine("browser", f"{browser or 'no Chromium'}; only ./soc test needs one")
