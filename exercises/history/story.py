"""What one case of the past is made of, before times and people are given to it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random

from exercises.sources.sighting import Letter, Sighting


class Deed(StrEnum):
    """What the team did, by the keys of the action catalogue. A message is deleted in the mailbox named as target, a
    file on every device that saw it."""

    ISOLATE = "device.isolate"
    SCAN = "device.antivirus_scan"
    QUARANTINE = "file.quarantine"
    DISABLE = "identity.disable"
    DELETE_MESSAGE = "mailbox.soft_delete_message"


@dataclass(frozen=True)
class Step:
    """One action: on a machine, an account or a mailbox by name; taken back later when `undo` is set."""

    deed: Deed
    target: str
    why: str
    undo: str = ""
    letter: Letter | None = None
    sha256: str = ""


@dataclass(frozen=True)
class Report:
    """What the review of a case says."""

    summary: str
    lessons: str
    well: tuple[str, ...]
    badly: tuple[str, ...] = ()
    follow_ups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Story:
    """A case without its times. `sightings` are in the order of time and begin at the given start."""

    key: str
    severity: str
    classification: str
    determination: str
    sightings: tuple[Sighting, ...]
    comments: tuple[str, ...]
    resolution: str
    steps: tuple[Step, ...] = ()
    report: Report | None = None
    tags: tuple[str, ...] = ()


Teller = Callable[[Random, datetime, str], Story]
