"""Looking into what a run collected. The list of contents is for everybody who sees the run; the contents are handed
out to somebody who says why, and each time is on record."""

import base64
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import pyzipper
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import keys
from accounts.models import User
from connectors.services.agents.secret_words import PASSWORD
from core import audit, blobs
from core.actors import Actor
from core.content_files import CHUNK
from core.downloads import zipped
from core.encryption import decrypt
from remediation import policy
from remediation.catalog import get
from remediation.models import RunArtefact
from remediation.refused import Refused
from remediation.services.custody import custody_of, note_opened
from remediation.services.request import clean_comment

ZIP = "application/zip"
PROBE = "probe-report.json"
MOST_PARTS = 500
SHORTEST_PASSWORD = 8
# Of what is packed anew; a package of a device is some megabytes.
MOST_UNPACKED = 512 * 1024 * 1024
MOST_BYTES = 1_000_000
MOST_INDEX = 1024 * 1024
# The record at the end of a zip, with a remark of any length behind it; before it one for zips of 4 GiB and more.
_END_MARK, _END, _END_LONGEST = b"PK\x05\x06", 22, 22 + 65_536 + 20
_FAR_MARK, _FAR = b"PK\x06\x07", 20
_BROKEN = (zipfile.BadZipFile, RuntimeError, zlib.error, ValueError)


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the package; `size` is what its index says."""

    name: str
    size: int


def parts_of(artefact: RunArtefact) -> list[Part]:
    """What lies in the package, by name; empty when it is no readable zip."""
    try:
        with _bounded(artefact) as file, zipfile.ZipFile(file) as archive:
            found = [Part(one.filename[:300], one.file_size) for one in archive.infolist() if not one.is_dir()]
    except (zipfile.BadZipFile, ValueError):
        return []
    return sorted(found[:MOST_PARTS], key=lambda part: part.name)


@contextmanager
def _bounded(artefact: RunArtefact) -> Iterator[IO[bytes]]:
    """The content of a zip whose index is no longer than that of any package: who opens it reads the whole of that into
    memory. Raises `BadZipFile`."""
    with blobs.opened(artefact.blob) as file:
        place = max(0, file.seek(0, os.SEEK_END) - _END_LONGEST)
        file.seek(place)
        end = file.read(_END_LONGEST)
        at = len(end) - _END if end[-_END:].startswith(_END_MARK) and end.endswith(b"\0\0") else end.rfind(_END_MARK)
        if at < 0 or at + _END > len(end) or end[max(0, at - _FAR) : at].startswith(_FAR_MARK):
            raise zipfile.BadZipFile("It has no index, or one for more than a package holds.")
        if int.from_bytes(end[at + 12 : at + 16], "little") > MOST_INDEX:
            raise zipfile.BadZipFile("Its index is longer than that of a package.")
        file.seek(0)
        yield file


@contextmanager
def opened_zip(artefact: RunArtefact) -> Iterator[pyzipper.AESZipFile]:
    """The zip with its own password, as far as it has one; raises `BadZipFile` for what is none."""
    with _bounded(artefact) as file, pyzipper.AESZipFile(file) as archive:
        if artefact.password:
            archive.setpassword(decrypt(base64.b64decode(artefact.password), PASSWORD))
        yield archive


def _whole(artefact: RunArtefact, password: str) -> Iterator[bytes]:
    if not leaves_locked(artefact):
        return blobs.pieces(artefact.blob)
    if len(password) < SHORTEST_PASSWORD:
        raise ValidationError({"password": f"Choose a password of at least {SHORTEST_PASSWORD} characters."})
    if not artefact.password:
        return zipped([(artefact.name, blobs.pieces(artefact.blob))], password)
    _check_package(artefact)
    return zipped(_members(artefact), password)


def _check_package(artefact: RunArtefact) -> None:
    """Raises `LookupError` for a package that cannot be opened, before anything of it is handed out."""
    try:
        with opened_zip(artefact) as archive:
            listed = [one for one in archive.infolist() if not one.is_dir()]
            if sum(one.file_size for one in listed) > MOST_UNPACKED:
                raise LookupError("The package is too large to be packed anew.")
            for one in listed[:1]:
                with archive.open(one) as part:
                    part.read(1)
    except _BROKEN:
        raise LookupError("The package cannot be opened.") from None


def _members(artefact: RunArtefact) -> Iterator[tuple[str, Iterator[bytes]]]:
    with opened_zip(artefact) as archive:
        for one in archive.infolist():
            if not one.is_dir():
                yield one.filename, _read(archive, one)


def _read(archive: pyzipper.AESZipFile, one: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(one) as part:
        while piece := part.read(CHUNK):
            yield piece


def read_part(artefact: RunArtefact, name: str) -> str:
    """One file as text, at most a million bytes of it. Raises `LookupError` for a name that is not there."""
    try:
        with opened_zip(artefact) as archive, archive.open(name) as part:
            content: bytes = part.read(MOST_BYTES)
    except (KeyError, *_BROKEN):
        raise LookupError(f"The package holds no readable {name}.") from None
    return content.decode(errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")


def open_package(
    artefact: RunArtefact, *, part: str, reason: object, actor: Actor, user: User, password: str = ""
) -> Iterator[bytes]:
    """The whole package, or one part of it as text. What a device sent leaves whole in a zip under the password that
    the person chose. Raises `Refused`, `ValidationError` and `LookupError`."""
    said = clean_comment(reason)
    policy.check_permissions(user, (keys.REQUEST_RESPONSE,), to_do="open what a run collected")
    run = artefact.run
    policy.check_run_in_scope(user, run, to_do="open what the run collected")
    content = iter([read_part(artefact, part).encode()]) if part else _whole(artefact, password)
    with transaction.atomic():
        audit.record(
            "artefact.opened",
            subject=f"run:{run.pk}",
            thread=run.thread,
            actor=actor,
            reason=said,
            data={"artefact": artefact.name, "part": part or "the whole", "sha256": artefact.blob.sha256},
        )
        _note(artefact, part=part, reason=said, actor=actor)
    return content


def is_guarded(artefact: RunArtefact) -> bool:
    """Whether it may hold personal data, or do harm, and so is handed out for a reason."""
    return artefact.name != PROBE and get(artefact.run.action).guarded


def leaves_locked(artefact: RunArtefact) -> bool:
    """Whether it is handed out only within a zip that a password of the person's own opens: all that a device sent,
    whatever the device calls it."""
    played = artefact.run.simulated and artefact.blob.media_type == ZIP and not artefact.password
    return is_guarded(artefact) and not played


def hand_out(
    artefact: RunArtefact, *, part: str, reason: str, actor: Actor, user: User, password: str = ""
) -> Iterator[bytes]:
    """The file, piece by piece; what is guarded for a reason, what has parts in part. Raises as `open_package`."""
    if is_guarded(artefact) or part:
        return open_package(artefact, part=part, reason=reason, actor=actor, user=user, password=password)
    with transaction.atomic():
        _note(artefact, part="", reason=reason, actor=actor)
    return blobs.pieces(artefact.blob)


def _note(artefact: RunArtefact, *, part: str, reason: str, actor: Actor) -> None:
    """Its custody record says who opened it."""
    custody = custody_of(artefact)
    if custody is not None:
        note_opened(custody, actor=actor, reason=reason, part=part or "the whole")


def may_open(user: User) -> bool:
    try:
        policy.check_permissions(user, (keys.REQUEST_RESPONSE,), to_do="open what a run collected")
    except Refused:
        return False
    return True
