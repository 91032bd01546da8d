from core.models.audit import AuditEvent, AuditSeal
from core.models.backups import BackupKind, BackupRecord
from core.models.blobs import Blob
from core.models.idempotency import IdempotencyRecord
from core.models.options import OptionRevision
from core.models.outbox import OutboxEvent

__all__ = [
    "AuditEvent",
    "AuditSeal",
    "BackupKind",
    "BackupRecord",
    "Blob",
    "IdempotencyRecord",
    "OptionRevision",
    "OutboxEvent",
]
