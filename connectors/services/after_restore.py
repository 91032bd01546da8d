"""After the database was restored from a backup: no order of that time is given again."""

from connectors.enums import FINAL_STATES, DeliveryState
from connectors.lifecycle import DELIVERY_STATE
from connectors.models import Delivery
from core import clock
from core.actors import Actor


def hold_deliveries(*, actor: Actor, reason: str) -> int:
    """End every open order. What had surely not left is cancelled; of the rest nobody knows, and nobody asks."""
    open_ones = list(Delivery.objects.select_for_update().exclude(state__in=FINAL_STATES).order_by("pk"))
    for row in open_ones:
        unsent = row.state == DeliveryState.QUEUED and not row.ticket and not row.maybe_sent
        DELIVERY_STATE.move(
            row,
            DeliveryState.CANCELLED if unsent else DeliveryState.TIMED_OUT,
            actor=actor,
            thread=row.reference,
            reason=reason,
            ended_at=clock.now(),
            error_code="restored",
            error=reason[:500],
            claim=row.claim + 1,
            leased_until=None,
        )
    return len(open_ones)
