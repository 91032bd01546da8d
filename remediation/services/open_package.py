"""Looking into what a run collected. The list of contents is for everybody who sees the run; the contents are handed
out to somebody who says why, and each time is on record."""

import io
import zipfile
from dataclasses import dataclass

from django.db import transaction

from accounts import keys
from accounts.models import User
from core import audit, blobs
from core.actors import Actor
from remediation import policy
from remediation.catalog import get
from remediation.models import RunArtefact
from remediation.refused import Refused
from remediation.services.request import clean_comment

ZIP = "application/zip"
MOST_PARTS = 500
MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the package; `size` is what its index says."""

    name: str
    size: int


def parts_of(artefact: RunArtefact) -> list[Part]:
    """What lies in the package, by name; empty when it is no readable zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(blobs.read(artefact.blob))) as archive:
            found = [Part(one.filename[:300], one.file_size) for one in archive.infolist() if not one.is_dir()]
    except (zipfile.BadZipFile, ValueError):
        return []
    return sorted(found[:MOST_PARTS], key=lambda part: part.name)


def read_part(artefact: RunArtefact, name: str) -> str:
    """One file as text, at most a million bytes of it. Raises `LookupError` for a name that is not there."""
    try:
        with zipfile.ZipFile(io.BytesIO(blobs.read(artefact.blob))) as archive, archive.open(name) as part:
            return part.read(MOST_BYTES).decode(errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    except (KeyError, zipfile.BadZipFile, RuntimeError):
        raise LookupError(f"The package holds no readable {name}.") from None


def open_package(artefact: RunArtefact, *, part: str, reason: object, actor: Actor, user: User) -> bytes:
    """The whole package, or one part of it as text. Raises `Refused`, `ValidationError` and `LookupError`."""
    said = clean_comment(reason)
    policy.check_permissions(user, (keys.REQUEST_RESPONSE,), to_do="open what a run collected")
    run = artefact.run
    policy.check_run_in_scope(user, run, to_do="open what the run collected")
    content = read_part(artefact, part).encode() if part else blobs.read(artefact.blob)
    with transaction.atomic():
        audit.record(
            "artefact.opened",
            subject=f"run:{run.pk}",
            thread=run.thread,
            actor=actor,
            reason=said,
            data={"artefact": artefact.name, "part": part or "the whole", "sha256": artefact.blob.sha256},
        )
    return content


def is_guarded(artefact: RunArtefact) -> bool:
    """Whether it may hold personal data and so is handed out for a reason."""
    return artefact.blob.media_type == ZIP and get(artefact.run.action).guarded


def hand_out(artefact: RunArtefact, *, part: str, reason: str, actor: Actor, user: User) -> bytes:
    """The file; what is guarded for a reason alone, and what has parts in part. Raises as `open_package`."""
    if is_guarded(artefact) or part:
        return open_package(artefact, part=part, reason=reason, actor=actor, user=user)
    return blobs.read(artefact.blob)


def may_open(user: User) -> bool:
    try:
        policy.check_permissions(user, (keys.REQUEST_RESPONSE,), to_do="open what a run collected")
    except Refused:
        return False
    return True
