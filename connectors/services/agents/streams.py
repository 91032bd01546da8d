"""Streams of commands that go on for a while: each part that a device tells is answered by whoever gave the order."""

from collections.abc import Callable, Mapping
from typing import Any

from connectors.enums import OrderState
from connectors.models import AgentOrder
from connectors.services.agents.wake import wake_stream

# What a device told of an order of its own; the answer, in which `input` or `close` is worth answering at once.
Desk = Callable[[AgentOrder, Mapping[str, Any]], Mapping[str, Any]]
_desks: dict[str, Desk] = {}
__all__ = ["serve_action", "take_part", "wake_stream"]


def serve_action(action: str, desk: Desk) -> None:
    """Once, at `ready()` of the room that orders it."""
    _desks[action] = desk


def take_part(agent_id: int, key: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of an order that was handed to this very agent and is not over."""
    order = AgentOrder.objects.filter(agent_id=agent_id, key=key[:80], state=OrderState.HANDED).first()
    desk = _desks.get(order.action) if order else None
    if order is None or desk is None:
        return {"close": "Nobody wants it any more."}
    return desk(order, told)
