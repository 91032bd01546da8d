"""Lines and files that a run leaves for people to read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import blobs, clock
from core.models import Blob
from remediation.enums import LogLevel
from remediation.models import ActionRun, RunArtefact, RunLog
from remediation.services.custody import take_artefact

KEPT_DAYS = 180


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the remote side; `origin` tells it from every other line of the run."""

    text: str
    origin: str
    level: str
    at: datetime


def note(run: ActionRun, text: str, *, origin: str, level: str = LogLevel.INFO, at: datetime | None = None) -> None:
    """Add one line; the same `origin` a second time is the same line."""
    RunLog.objects.bulk_create(
        [RunLog(run=run, text=text[:1000], origin=origin[:80], level=level, at=at or clock.now())],
        ignore_conflicts=True,
    )


def note_lines(run: ActionRun, lines: Iterable[Line]) -> None:
    """Add many lines with one statement; those that are there already stay as they are."""
    RunLog.objects.bulk_create(
        [
            RunLog(run=run, text=line.text[:1000], origin=line.origin[:80], level=line.level, at=line.at)
            for line in lines
        ],
        ignore_conflicts=True,
    )


def attach(run: ActionRun, content: bytes, *, name: str, media_type: str) -> None:
    """Keep a file with the run; a file of this name that is there already stays."""
    if not run.artefacts.filter(name=name).exists():
        RunArtefact.objects.create(
            run=run, name=name[:120], blob=blobs.keep(content, name=name, media_type=media_type, for_days=KEPT_DAYS)
        )


def attach_blob(
    run: ActionRun, blob_id: int, *, name: str, proof: Mapping[str, Any] | None = None, password: str = ""
) -> None:
    """Link a file that a connector delivered; its custody begins. `proof` is what the device signed for it, `password`
    what opens it, encrypted."""
    if Blob.objects.filter(pk=blob_id).exists():
        kept, made = RunArtefact.objects.get_or_create(run=run, name=name[:120], defaults={
            "blob_id": blob_id, "password": password,
        })  # fmt: skip
        if made:
            take_artefact(kept, proof=proof)
