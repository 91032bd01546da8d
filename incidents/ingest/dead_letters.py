"""Items that could not become alerts: kept as they came, replayed or discarded by an administrator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db import transaction

from core import audit, clock
from core.actors import Actor
from incidents.enums import DeadLetterState
from incidents.ingest.copying import copy_rows, insert_rows
from incidents.ingest.mending import Mender
from incidents.ingest.parse import Loose, Unreadable
from incidents.lifecycle import DEAD_LETTER_STATE
from incidents.models import DeadLetter

MAX_RAW_BYTES = 512 * 1024
WHOLE_SCOPE = "Dead letters may name devices of any group, so they are for administrators who see all device groups."
_COLUMNS = ("source", "format", "raw", "truncated", "code", "message", "field", "state", "created", "handled_by",
            "exercise")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that was rejected, and why."""

    index: int
    item: object
    code: str
    message: str
    field: str

    def as_json(self) -> dict[str, Any]:
        return {"index": self.index, "code": self.code, "message": self.message, "field": self.field}


def keep_refused(refusals: Sequence[Refusal], *, format_key: str, source: str, exercise: str, at: datetime) -> None:
    """Keep each item raw, bounded. Runs in the caller's transaction."""
    if not refusals:
        return
    rows = []
    for refusal in refusals:
        raw = raw_of(refusal.item)
        rows.append((
            source, format_key, raw[:MAX_RAW_BYTES], len(raw) > MAX_RAW_BYTES, refusal.code[:40],
            refusal.message.replace("\x00", "")[:500], refusal.field[:200], DeadLetterState.OPEN.value, at, "",
            exercise,
        ))  # fmt: skip
    if len(rows) >= 50:
        copy_rows("incidents_deadletter", _COLUMNS, rows)
    else:
        insert_rows("incidents_deadletter", _COLUMNS, rows)


def raw_of(item: object) -> bytes:
    """The item as bytes that parse to the same item again, as far as JSON can say it."""
    if isinstance(item, Unreadable):
        return item.raw
    value = item.item if isinstance(item, Loose) else item
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return orjson.dumps(Mender().mend({"item": value})["item"])


def discard_letter(letter: DeadLetter, *, actor: Actor, reason: str = "") -> None:
    """Say that nothing will come of it; it stays readable. Raises `ValidationError` when it was handled before."""
    with transaction.atomic():
        row = lock_open_letter(letter)
        close_letter(row, DeadLetterState.DISCARDED, actor=actor, reason=reason)


def lock_open_letter(letter: DeadLetter) -> DeadLetter:
    row = DeadLetter.objects.select_for_update().get(pk=letter.pk)
    if row.state != DeadLetterState.OPEN:
        raise ValidationError(f"This dead letter was {row.state} already.")
    return row


def close_letter(
    row: DeadLetter, state: DeadLetterState, *, actor: Actor, reason: str = "", alert_id: int | None = None
) -> None:
    DEAD_LETTER_STATE.move(
        row, state.value, actor=actor, reason=reason, handled=clock.now(), handled_by=actor.name[:255],
        alert_id=alert_id,
    )  # fmt: skip


def note_failed_replay(row: DeadLetter, rejected: dict[str, Any], *, actor: Actor) -> None:
    """It failed again: the letter stays open and tells the newest reason."""
    changes = {name: (getattr(row, name), rejected[name]) for name in ("code", "message", "field")}
    DeadLetter.objects.filter(pk=row.pk).update(
        code=rejected["code"][:40], message=rejected["message"][:500], field=rejected["field"][:200]
    )
    audit.record("dead_letter.replay_failed", subject=f"dead_letter:{row.pk}", actor=actor, changes=changes)
