"""What is known of backups, rehearsals and restores. Written by `./soc backup`, `restore` and `verify --rehearse`."""

from datetime import datetime

from django.db import transaction

from core import audit, clock, outbox
from core.actors import Actor
from core.models import BackupKind, BackupRecord

ACTOR = Actor.system("backup")
_VERBS = {
    BackupKind.BACKUP: "backup.taken",
    BackupKind.REHEARSAL: "backup.rehearsed",
    BackupKind.RESTORE: "backup.restored",
}


def note_backup(
    kind: BackupKind,
    *,
    began: datetime,
    succeeded: bool,
    taken_at: datetime | None = None,
    file: str = "",
    size: int = 0,
    detail: str = "",
) -> BackupRecord:
    """Keep one row and one audit event."""
    took_s = round(max(0.0, (clock.real_now() - began).total_seconds()), 1)
    with transaction.atomic():
        record = BackupRecord.objects.create(
            kind=kind, succeeded=succeeded, at=began, taken_at=taken_at, took_s=took_s, file=file[:255], size=size,
            detail=detail[:500],
        )  # fmt: skip
        audit.record(
            _VERBS[kind] if succeeded else "backup.failed",
            subject=f"backup:{record.pk}",
            actor=ACTOR,
            reason=detail[:500],
            data={
                "kind": kind.value,
                "file": file[:255],
                "size": size,
                "took_s": took_s,
                "taken_at": taken_at.isoformat() if taken_at else None,
            },
        )
        if not succeeded and kind != BackupKind.RESTORE:
            outbox.publish(
                "backup.failed", record=record.pk, kind=kind.label.lower(), at=began.isoformat(), detail=detail[:500]
            )
    return record


def last_backup(kind: BackupKind, *, succeeded: bool | None = True) -> BackupRecord | None:
    """The newest of its kind that went well; `succeeded` None takes failed ones too."""
    rows = BackupRecord.objects.filter(kind=kind)
    if succeeded is not None:
        rows = rows.filter(succeeded=succeeded)
    return rows.order_by("-at", "-id").first()
