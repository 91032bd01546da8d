"""News of the portal itself; listeners of events that rooms below this one publish."""

from django.utils.dateparse import parse_datetime

from accounts import keys
from core.actors import Actor
from notifications import topics
from notifications.services.tell import tell

PORTAL = Actor.system("portal")
BROKEN = topics.declare(
    "audit.broken",
    "The audit chain is broken",
    "A check found that the history was changed or cut.",
    group="Portal",
    permission=keys.READ_AUDIT,
    channels=("page", "mail"),
    urgent=True,
)
BACKUP = topics.declare(
    "backup.failed",
    "A backup failed",
    "A backup or the rehearsal of its restore did not succeed.",
    group="Portal",
    permission=keys.MANAGE_SYSTEM,
    channels=("page", "mail"),
    urgent=True,
)


def audit_broken(broken_at: int, missing: int, head: str) -> None:
    """Listens to `audit.broken`; each break is told once."""
    tell(
        BROKEN,
        subject=f"seal:{broken_at}",
        title=f"The audit chain is broken at seal {broken_at}",
        body=f"Events that are missing: {missing}. Compare with the heads that were written to the log.",
        url="/admin/audit/chain/",
        once=f"{broken_at}:{head}",
        actor=PORTAL,
    )


def backup_failed(record: int, kind: str, at: str, detail: str) -> None:
    """Listens to `backup.failed`."""
    moment = parse_datetime(at)
    tell(
        BACKUP,
        subject=f"backup:{record}",
        title=f"The {kind} of {moment:%Y-%m-%d %H:%M} UTC failed" if moment else f"A {kind} failed",
        body=detail,
        once=str(record),
        actor=PORTAL,
    )
