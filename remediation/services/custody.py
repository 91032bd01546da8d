"""The chain of custody: who took a piece of evidence, who opened it and why, and when it was deleted.

Each line is an event of the audit log under `custody:<id>`, so it is chained with everything else that happened and
nobody can leave one out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from core import audit, clock
from core.actors import Actor
from core.models import AuditEvent, AuditSeal, Blob
from incidents.models import Device, Incident
from remediation.catalog import get
from remediation.enums import CustodyKind
from remediation.models import ActionRun, Custody, RunArtefact

KEEPER = Actor.system("evidence")
MOST_LINES = 500
_WORDS = {
    "custody.taken": "Taken",
    "custody.opened": "Opened",
    "custody.exported": "Exported",
    "custody.released": "Given back",
    "custody.deleted": "Deleted",
}
_KINDS = {"device.collect_package": CustodyKind.PACKAGE, "file.collect": CustodyKind.FILE}


@dataclass(frozen=True, slots=True)
class Piece:
    """What is taken into custody. `reference` names the row that it is about, each once."""

    reference: str
    kind: str
    name: str
    sha256: str
    size: int | None = None
    blob: Blob | None = None
    device: Device | None = None
    incident: Incident | None = None
    run: ActionRun | None = None
    proof: Mapping[str, Any] | None = None
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One event of the chain; `seal` is its place there, None while it is not sealed yet."""

    event: int
    at: datetime
    word: str
    actor: str
    reason: str
    data: Mapping[str, Any]
    seal: int | None = None
    digest: str = ""


def take_into_custody(piece: Piece, *, actor: Actor) -> Custody:
    """Begin its record; a second time it is the same record. Runs in the caller's transaction or its own."""
    values: dict[str, Any] = {
        "kind": piece.kind, "name": piece.name[:255], "sha256": piece.sha256, "size": piece.size, "blob": piece.blob,
        "device": piece.device, "device_name": str(piece.device or "")[:255], "incident": piece.incident,
        "run": piece.run, "taken_by": actor.as_json(), "proof": dict(piece.proof or {}),
    }  # fmt: skip
    with transaction.atomic():
        found, made = Custody.objects.get_or_create(reference=piece.reference, defaults=values)
        if made:
            audit.record(
                "custody.taken", subject=found.subject, thread=piece.thread or found.thread, actor=actor,
                data={"evidence": found.number, "kind": found.kind, "sha256": found.sha256, "size": found.size,
                      "device": found.device_name, "run": found.run_id, "signed": bool(found.proof)},
            )  # fmt: skip
    return found


def take_artefact(artefact: RunArtefact, *, proof: Mapping[str, Any] | None = None) -> Custody:
    """A file that a run brought from a device."""
    run, blob = artefact.run, artefact.blob
    device = Device.objects.filter(pk=run.target_id).first() if run.target_kind == "device" else None
    kind = _KINDS.get(run.action, CustodyKind.PACKAGE if get(run.action).guarded else CustodyKind.REPORT)
    piece = Piece(
        f"run:{run.pk}/{artefact.pk}", kind, artefact.name, blob.sha256, blob.size, blob, device, run.incident, run,
        proof, run.thread,
    )  # fmt: skip
    return take_into_custody(piece, actor=run.requester)


def custody_of(artefact: RunArtefact) -> Custody | None:
    return Custody.objects.filter(reference=f"run:{artefact.run_id}/{artefact.pk}").first()


def note_opened(custody: Custody, *, actor: Actor, reason: str = "", verb: str = "custody.opened", **data: Any) -> None:
    """Somebody got to see it, or took it away. Runs in the caller's transaction."""
    Custody.objects.filter(pk=custody.pk).update(opened=F("opened") + 1, last_opened=clock.now())
    audit.record(
        verb, subject=custody.subject, thread=custody.thread, actor=actor, reason=reason,
        data={"evidence": custody.number, "sha256": custody.sha256, **data},
    )  # fmt: skip


def note_gone(rows: Iterable[Custody], *, why: str, actor: Actor) -> None:
    """The file itself is deleted; the record stays. Runs in the caller's transaction."""
    going = [row for row in rows if row.gone is None]
    Custody.objects.filter(pk__in=[row.pk for row in going]).update(gone=clock.now(), gone_why=why[:300])
    audit.record_many(
        [
            audit.Entry("custody.deleted", subject=row.subject, thread=row.thread, reason=why,
                        data={"evidence": row.number, "sha256": row.sha256})
            for row in going
        ],
        actor=actor,
    )  # fmt: skip


def lines_of(custody: Custody) -> list[Line]:
    """Its chain, oldest first, each with its place in the audit log's chain."""
    events = list(AuditEvent.objects.filter(subject=custody.subject).order_by("at", "id")[:MOST_LINES])
    seals = {row.event_id: row for row in AuditSeal.objects.filter(event_id__in=[one.id for one in events])}
    return [_line(event, seals.get(event.id)) for event in events]


def _line(event: AuditEvent, seal: AuditSeal | None) -> Line:
    return Line(
        event.id, event.at, _WORDS.get(event.verb, event.verb), event.actor_name, event.reason, event.data,
        seal.seq if seal else None, bytes(seal.digest).hex() if seal else "",
    )  # fmt: skip


# ---- deletion by age ----


def forget_blobs(keys: Sequence[int], *, why: str) -> None:
    """Files that are about to be deleted."""
    note_gone(Custody.objects.filter(blob__in=list(keys), gone=None), why=why, actor=KEEPER)


def kept_by_holds(blobs: QuerySet[Blob]) -> QuerySet[Blob]:
    """Of these files those that belong to an incident under a legal hold."""
    return blobs.filter(custody__incident__on_hold=True)
