"""Approving, rejecting and revoking agents."""

from django.db import transaction

from connectors.enums import OPEN_ORDERS, AgentState, OrderState
from connectors.lifecycle import AGENT_STATE
from connectors.models import Agent, AgentOrder
from connectors.services.agents.announce import announce
from connectors.services.agents.orders import end_order
from connectors.services.agents.wake import wake_agent
from core import audit, clock, outbox
from core.actors import Actor


def decide_agent(agent: Agent, *, to: AgentState, actor: Actor, reason: str) -> None:
    """Move the agent to approved, rejected or revoked. Raises `IllegalMove` or `LostRace`. What waits for a revoked
    agent ends."""
    with transaction.atomic():
        AGENT_STATE.move(
            agent, to, actor=actor, thread=agent.thread, reason=reason, state_reason=reason[:300],
            decided_at=clock.real_now(), decided_by=actor.as_json(),
        )  # fmt: skip
        if to != AgentState.APPROVED:
            _end_what_waits(agent, to)
        outbox.publish("agent.changed", agent_id=agent.pk)
        announce(agent)
        wake_agent(agent.device_id)


def believe_after_clone(agent: Agent, *, actor: Actor, reason: str) -> None:
    """A person says that only one machine uses the key now: orders are signed for it again."""
    with transaction.atomic():
        if Agent.objects.filter(pk=agent.pk).exclude(cloned_at=None).update(cloned_at=None):
            audit.record("agent.clone_cleared", subject=agent.thread, thread=agent.thread, actor=actor, reason=reason)
            announce(agent)
    agent.cloned_at = None


def insist_after_restore(agent: Agent, *, actor: Actor, reason: str) -> None:
    """A person says that the portal's wanted state counts, although the device obeys a newer one: the next order is
    signed with a generation above both."""
    with transaction.atomic():
        if Agent.objects.filter(pk=agent.pk, ahead=True).update(ahead=False):
            audit.record("agent.ahead_cleared", subject=agent.thread, thread=agent.thread, actor=actor, reason=reason)
            announce(agent)
            wake_agent(agent.device_id)
    agent.ahead = False


def _end_what_waits(agent: Agent, wanted: AgentState) -> None:
    open_orders = AgentOrder.objects.filter(agent=agent, state__in=OPEN_ORDERS)
    for order in open_orders.select_for_update():
        ended = OrderState.UNKNOWN if order.state == OrderState.HANDED else OrderState.FAILED
        end_order(order, ended, code="agent_gone", error=f"The agent was {wanted.label.lower()}.")
