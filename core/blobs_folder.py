"""How the folder of large files is laid out; also for programs that work on it without the portal."""

import re
from pathlib import Path

# Held, shared, by a backup: files whose rows are deleted meanwhile stay until the next sweep.
BACKUP_LOCK = 7_305_221
_PLACE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{32}")


def is_place(place: str) -> bool:
    """Whether it is a name that a portal gives; nothing of it leads out of the folder."""
    return _PLACE.fullmatch(place) is not None


def path_in(folder: Path, place: str) -> Path:
    """Of a place that `is_place`. What comes before the dash belongs to one portal, so a stranger's files are told."""
    tag, _, name = place.partition("-")
    return folder / tag / name[:2] / name
