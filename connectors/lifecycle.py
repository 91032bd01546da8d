"""Which state a delivery may go to. The only writer of the column."""

from connectors.enums import FINAL_STATES, DeliveryState
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
