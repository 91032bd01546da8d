"""A restore never carries an old action out again: what every room does with what was under way."""

from datetime import datetime

from django.db import connection, transaction

from accounts.services.after_restore import end_every_session, end_every_token, usable_tokens
from connectors.services import halt
from connectors.services.after_restore import hold_agent_orders, hold_deliveries
from core.actors import Actor
from core.after_restore import set_aside_events
from core.backups import note_backup
from core.models import BackupKind
from live_response.services.after_restore import hold_sessions
from notifications.services.after_restore import hold_messages
from remediation.services.after_restore import hold_emergencies, hold_runs
from remediation.services.enforce_indicators import hold_indicators
from soc_portal.pipeline import AFTER_RESTORE
from soc_portal.up.backup.emptiness import MARK

ACTOR = Actor.system("restore")


def hold(*, taken_at: datetime, began: datetime, file: str, size: int, end_tokens: bool) -> list[str]:
    """All of it in one transaction, with the mark that keeps the portal from starting. Returns what a person reads."""
    reason = f"Restored from the backup of {taken_at:%Y-%m-%d %H:%M} UTC."
    lines = []
    with transaction.atomic():
        runs = hold_runs(actor=ACTOR, reason=f"{reason} What became of it afterwards is not known here.")
        hold_emergencies(actor=ACTOR, reason=reason)
        hold_indicators(actor=ACTOR, reason=reason)
        hold_sessions(actor=ACTOR, reason=reason)
        orders = hold_deliveries(actor=ACTOR, reason=reason)
        hold_agent_orders(actor=ACTOR, reason=reason)
        messages = hold_messages(reason=reason)
        lines.append(f"not carried out again: {runs:,} runs, {orders:,} orders; not sent again: {messages:,} messages")
        halt.stop_all(actor=ACTOR, reason=f"{reason} Look at what became of its runs before actions leave again.")
        lines.append("all actions are stopped until a person lifts the stop")
        sessions = end_every_session()
        if end_tokens:
            lines.append(f"{sessions:,} sessions and {end_every_token(actor=ACTOR, reason=reason):,} tokens are ended")
        else:
            lines.append(
                f"{sessions:,} sessions are ended; {usable_tokens():,} tokens work, those that were revoked since the "
                "backup among them: look through them"
            )
        set_aside_events(but_for=AFTER_RESTORE, reason=reason)
        note_backup(
            BackupKind.RESTORE, began=began, succeeded=True, taken_at=taken_at, file=file, size=size,
            detail=" ".join(f"{line.capitalize()}." for line in lines),
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS public.{MARK}")
    return lines
