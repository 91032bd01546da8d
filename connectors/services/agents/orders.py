"""Orders to agents: given once for a key, signed by the signer, handed over until the device answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from connectors.enums import OPEN_ORDERS, OrderKind, OrderState
from connectors.lifecycle import ORDER_STATE
from connectors.models import Agent, AgentOrder, Delivery
from connectors.services.agents.announce import announce
from connectors.services.agents.wake import wake_agent
from core import clock, jobs, outbox
from core.actors import Actor

SIGN = "connectors.tasks.sign_waiting"
LINE = Actor.system("endpoint agents")


def give_order(
    agent: Agent | None,
    *,
    key: str,
    reference: str,
    expires: datetime,
    action: str = "",
    arguments: Mapping[str, Any] | None = None,
    effect: str = "once",
    run_s: int = 3_600,
    kind: str = OrderKind.COMMAND,
    facet: str = "",
    value: Mapping[str, Any] | None = None,
) -> AgentOrder:
    """Store the order and wake the signer. A second call with the same key answers the first one's order.

    What is signed comes from whoever vouches for `reference`; what is given here is for reading.
    """
    values: dict[str, Any] = {
        "agent": agent, "reference": reference, "expires": expires, "action": action,
        "arguments": dict(arguments or {}), "effect": effect, "run_s": run_s, "kind": kind, "facet": facet,
        "value": dict(value or {}),
    }  # fmt: skip
    with transaction.atomic():
        order, created = AgentOrder.objects.get_or_create(key=key, defaults=values)
        if created:
            jobs.wake(SIGN)
    return order


def cancel_order(order: AgentOrder) -> bool:
    """Call it off at once when it was not handed over, else ask the device; whether it is called off for sure."""
    with transaction.atomic():
        row = AgentOrder.objects.select_for_update(of=("self",)).select_related("agent").get(pk=order.pk)
        unsigned = row.state == OrderState.UNSIGNED
        if unsigned or (row.state == OrderState.READY and row.kind != OrderKind.STATE):
            end_order(row, OrderState.CANCELLED, code="cancelled", error="Cancelled before it was handed over.")
            return True
        if row.state in OPEN_ORDERS and row.cancel_asked_at is None and row.agent is not None:
            row.cancel_asked_at = clock.real_now()
            row.save(update_fields=["cancel_asked_at"])
            wake_agent(row.agent.device_id)
        return row.state == OrderState.CANCELLED


def end_order(
    order: AgentOrder,
    state: OrderState,
    *,
    result: Mapping[str, Any] | None = None,
    code: str = "",
    error: str = "",
    **columns: Any,
) -> None:
    """Write the outcome down and tell who gave the order. Runs in the caller's transaction."""
    ORDER_STATE.move(
        order, state, actor=LINE, thread=told_of(order), reason=error[:500], ended_at=clock.real_now(),
        result=dict(result or {}), error_code=code[:60], error=error[:500], **columns,
    )  # fmt: skip
    if order.agent is not None:
        announce(order.agent)
    tell(order)


def tell(order: AgentOrder) -> None:
    """Whoever gave the order hears that something changed; the delivery that it carries out is looked at at once."""
    kind, _, number = order.reference.partition(":")
    if kind == "delivery":
        Delivery.objects.filter(pk=int(number)).update(due=clock.real_now())
        jobs.enqueue("connectors.tasks.step_delivery", int(number))
    outbox.publish("agent_order.changed", order_id=order.pk, reference=order.reference)


def told_of(order: AgentOrder) -> str:
    """The thread of the history that the order belongs to."""
    return f"agent:{order.agent_id}" if order.agent_id else "agents"
