"""Who vouches for an order: the part of the portal that gave it says what exactly it wanted, from what it has sealed
itself. An order that nobody vouches for is never signed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.models import AgentOrder


class NotVouched(Exception):
    """The order does not stand. `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Wish:
    """What was wanted, and of which device. A command has `action` and `arguments`, a wanted state `facet` and `value`,
    a change of the indicator list `arguments` with `set` and `remove`, and the `connection_id` whose list it is. With
    `listed` the facet is a list under that name, of which the wish changes the one entry called `entry`: `value` is
    that entry, or empty to take it out.
    After `expires` it is not signed, and a command may not be begun; `run_s` is how long one may take."""

    device_id: str
    action: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    effect: str = "once"
    facet: str = ""
    value: Mapping[str, Any] = field(default_factory=dict)
    listed: str = ""
    entry: str = ""
    expires: datetime | None = None
    run_s: int = 3_600
    connection_id: int | None = None


# Answers the wish behind an order; raises `NotVouched`.
Voucher = Callable[[AgentOrder], Wish]
_vouchers: dict[str, Voucher] = {}


def vouch_with(prefix: str, voucher: Voucher) -> None:
    """Have orders whose reference begins with `prefix:` vouched for by this; once, at `ready()`."""
    if prefix in _vouchers:
        raise LookupError(f"Two parts of the portal vouch for {prefix!r}.")
    _vouchers[prefix] = voucher


def wish_behind(order: AgentOrder) -> Wish:
    """Raises `NotVouched`."""
    voucher = _vouchers.get(order.reference.partition(":")[0])
    if voucher is None:
        raise NotVouched("nobody_vouches", "No part of the portal says that it gave this order.")
    return voucher(order)
