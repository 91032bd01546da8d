"""Stop-all: while a halt is in force no order leaves the portal. What has left already is followed to its end."""

import logging

from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction

from connectors.enums import FINAL_STATES
from connectors.models import Delivery, Halt
from core import audit, clock, jobs, live, outbox
from core.actors import Actor

logger = logging.getLogger(__name__)
# Whoever lets an order leave holds this lock shared; whoever stops waits until those few statements have ended.
GATE = 0x50C_57095
LONGEST_WAIT = "2s"
# Long enough that a sweep finds it and no worker holds a message meanwhile; resuming makes it due at once.
LOOK_AGAIN_S = 45.0
MAX_REASON = 1_000
CHANGED = "halt.changed"


def stop_all(*, actor: Actor, reason: str) -> Halt:
    """Let nothing leave from now on. A second call answers the halt that is in force. Raises `ValidationError`."""
    said = _reason(reason)
    try:
        with transaction.atomic():
            halt = Halt.objects.create(reason=said, by=actor.as_json())
            audit.record("halt.began", subject=f"halt:{halt.pk}", actor=actor, reason=said)
            _announce(halt)
    except IntegrityError:
        return Halt.objects.get(ended_at=None)
    _wait_for_those_in_the_gate()
    still = Delivery.objects.exclude(state__in=FINAL_STATES)
    halt.on_the_way = still.filter(maybe_sent=True).count()
    halt.held_back = still.filter(maybe_sent=False).count()
    halt.save(update_fields=["on_the_way", "held_back"])
    return halt


def resume(*, actor: Actor, reason: str) -> Halt:
    """Let orders leave again, each after everything was asked anew. Raises `ValidationError` when nothing is
    stopped."""
    said = _reason(reason)
    with transaction.atomic():
        halt = Halt.objects.select_for_update().filter(ended_at=None).first()
        if halt is None:
            raise ValidationError("Nothing is stopped.", code="not_stopped")
        halt.ended_at, halt.ended_by, halt.ended_reason = clock.real_now(), actor.as_json(), said
        halt.save(update_fields=["ended_at", "ended_by", "ended_reason"])
        audit.record("halt.ended", subject=f"halt:{halt.pk}", actor=actor, reason=said)
        Delivery.objects.exclude(state__in=FINAL_STATES).filter(ticket="").update(due=clock.real_now())
        jobs.wake("connectors.tasks.poll_deliveries")
        _announce(halt)
    return halt


def in_force() -> Halt | None:
    """The halt of this moment. To act on the answer, ask `pass_gate` inside the transaction that acts."""
    return Halt.objects.filter(ended_at=None).first()


def pass_gate() -> Halt | None:
    """Inside a transaction that lets something leave: the halt in force, or None and the promise that one which begins
    now waits until this transaction has ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [GATE])
    return in_force()


def _wait_for_those_in_the_gate() -> None:
    """The halt is visible to everybody who comes now; this is for an exact count of what got through before."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LONGEST_WAIT}'")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [GATE])
    except DatabaseError:
        logger.warning("stop-all: a long transaction is in the gate; what it lets through is counted when it ends")


def _announce(halt: Halt) -> None:
    outbox.publish(CHANGED, halt_id=halt.pk)
    live.publish(CHANGED, halt.pk)


def _reason(text: str) -> str:
    said = " ".join(text.replace("\x00", "").split())
    if not said:
        raise ValidationError({"reason": "Say why."})
    if len(said) > MAX_REASON:
        raise ValidationError({"reason": f"At most {MAX_REASON:,} characters."})
    return said
