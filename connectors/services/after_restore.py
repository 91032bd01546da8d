"""After the database was restored from a backup: no order of that time is given again."""

from django.db.models import F

from connectors.enums import FINAL_STATES, DeliveryState, OrderState
from connectors.lifecycle import DELIVERY_STATE, ORDER_STATE
from connectors.models import Agent, AgentOrder, AgentUpload, Delivery
from core import audit, clock
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


def hold_agent_orders(*, actor: Actor, reason: str) -> int:
    """End every open order to an agent as unknown: it may have been signed, sent and carried out since. Who obeys the
    portal stays; a device that had not reached what was wanted of it is asked nothing until somebody decides, for the
    wish may have been taken back meanwhile."""
    open_ones = list(AgentOrder.objects.select_for_update(of=("self",)).open().order_by("pk"))
    for order in open_ones:
        ORDER_STATE.move(
            order, OrderState.UNKNOWN, actor=actor, thread=f"agent:{order.agent_id}" if order.agent_id else "agents",
            reason=reason, ended_at=clock.real_now(), error_code="restored", error=reason[:500],
        )  # fmt: skip
    AgentUpload.objects.all().delete()
    behind = Agent.objects.select_for_update(of=("self",)).filter(ahead=False, wanted__generation__gt=F("generation"))
    for agent in behind:
        agent.ahead = True
        agent.save(update_fields=["ahead"])
        audit.record("agent.ahead", subject=agent.thread, thread=agent.thread, actor=actor, reason=reason)
    return len(open_ones)
