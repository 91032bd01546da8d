"""Taking an order back before it has left, or asking the remote side to."""

from enum import StrEnum

from django.db import transaction

from connectors.enums import FINAL_STATES, DeliveryState
from connectors.lifecycle import DELIVERY_STATE
from connectors.models import Delivery
from core import clock, jobs
from core.actors import Actor


class Cancelled(StrEnum):
    AT_ONCE = "at_once"  # it never left
    ASKED = "asked"  # the remote side decides; `delivery.changed` tells
    TOO_LATE = "too_late"  # it has ended


def cancel_delivery(delivery: Delivery, *, actor: Actor) -> Cancelled:
    """Cancel at once what has surely not left; what may have left is asked about by a worker."""
    with transaction.atomic():
        row = Delivery.objects.select_for_update().get(pk=delivery.pk)
        if row.state in FINAL_STATES:
            return Cancelled.AT_ONCE if row.state == DeliveryState.CANCELLED else Cancelled.TOO_LATE
        if row.state == DeliveryState.QUEUED and not row.ticket and not row.maybe_sent:
            DELIVERY_STATE.move(
                row,
                DeliveryState.CANCELLED,
                actor=actor,
                thread=row.reference,
                ended_at=clock.now(),
                error="Cancelled before it left.",
                claim=row.claim + 1,
            )
            return Cancelled.AT_ONCE
        row.cancel_asked_at, row.due = clock.now(), clock.real_now()
        row.save(update_fields=["cancel_asked_at", "due"])
        jobs.enqueue("connectors.tasks.step_delivery", row.pk)
    return Cancelled.ASKED
