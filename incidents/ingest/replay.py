"""Sending a dead letter through the ordinary path again."""

from django.core.exceptions import ValidationError
from django.db import transaction

from core.actors import Actor
from incidents.enums import DeadLetterState
from incidents.ingest.accept import Receipt, accept_alerts
from incidents.ingest.dead_letters import close_letter, lock_open_letter, note_failed_replay
from incidents.ingest.parse import parse_item
from incidents.models import DeadLetter


def replay_letter(letter: DeadLetter, *, actor: Actor) -> Receipt:
    """Try the item again; when it becomes an alert the letter is closed and names it.

    Raises `ValidationError` when the letter was handled before or was too large to be kept whole.
    """
    with transaction.atomic():
        row = lock_open_letter(letter)
        if row.truncated:
            raise ValidationError("The item was too large to be kept whole, so it cannot be replayed.")
        receipt = accept_alerts(
            [parse_item(bytes(row.raw))], format=row.format, source=row.source, actor=actor, exercise=row.exercise,
            keep_dead=False,
        )  # fmt: skip
        if receipt.rejected:
            note_failed_replay(row, receipt.rejected[0], actor=actor)
        else:
            close_letter(row, DeadLetterState.REPLAYED, actor=actor, alert_id=int(receipt.alerts[0]["id"]))
    return receipt
