"""Handing out a file that came from a device: encrypted, for a reason, and on record."""

from collections.abc import Iterator

from django.db import transaction

from core import audit, blobs
from core.actors import Actor
from core.downloads import zipped
from live_response.lifecycle import thread_of
from live_response.models import LiveArtefact
from remediation.services.request import clean_comment


def hand_out(artefact: LiveArtefact, *, password: str, reason: object, actor: Actor) -> Iterator[bytes]:
    """The file inside an AES-encrypted zip, piece by piece. Raises `ValidationError` without a reason."""
    said = clean_comment(reason)
    with transaction.atomic():
        audit.record(
            "live_artefact.opened", subject=f"live_command:{artefact.command_id}", thread=thread_of(artefact.command),
            actor=actor, reason=said, data={"file": artefact.name, "sha256": artefact.blob.sha256},
        )  # fmt: skip
    return zipped([(artefact.name, blobs.pieces(artefact.blob))], password)
