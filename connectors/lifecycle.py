"""Which state a delivery may go to. The only writer of the column."""

from connectors.enums import FINAL_STATES, OPEN_ORDERS, AgentState, DeliveryState, OrderState
from core.lifecycle import Lifecycle

_AFTER_START = set(FINAL_STATES) | {DeliveryState.UNKNOWN}
DELIVERY_STATE = Lifecycle(
    field="state",
    subject="delivery",
    moves={
        DeliveryState.QUEUED: _AFTER_START | {DeliveryState.DELIVERED, DeliveryState.STARTED},
        DeliveryState.DELIVERED: _AFTER_START | {DeliveryState.STARTED},
        DeliveryState.STARTED: _AFTER_START,
        # Silence is not an end: the remote side may still tell.
        DeliveryState.UNKNOWN: set(FINAL_STATES) | {DeliveryState.DELIVERED, DeliveryState.STARTED},
    },
)

_ENDED = set(OrderState) - OPEN_ORDERS
ORDER_STATE = Lifecycle(
    field="state",
    subject="agent_order",
    moves={
        OrderState.UNSIGNED: _ENDED | {OrderState.READY},
        OrderState.READY: _ENDED | {OrderState.HANDED},
        OrderState.HANDED: _ENDED,
        # A device that comes back may still tell.
        OrderState.UNKNOWN: _ENDED - {OrderState.UNKNOWN},
        OrderState.TIMED_OUT: _ENDED - {OrderState.TIMED_OUT},
    },
)
AGENT_STATE = Lifecycle(
    field="state",
    subject="agent",
    moves={
        AgentState.PENDING: {AgentState.APPROVED, AgentState.REJECTED},
        AgentState.APPROVED: {AgentState.REVOKED, AgentState.OFFBOARDED},
        AgentState.REVOKED: {AgentState.APPROVED},
        AgentState.REJECTED: {AgentState.APPROVED},
        AgentState.OFFBOARDED: set(),
    },
)
