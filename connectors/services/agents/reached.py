"""Whether a device has reached what an order about its wanted state asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.enums import OrderState
from connectors.models import AgentOrder


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state` is None while the device is still on its way."""

    state: OrderState | None
    code: str = ""
    detail: str = ""


def outcome_of(order: AgentOrder, seen: Mapping[str, Any]) -> Outcome:
    """From what the device told of the facet. Of a list the one entry counts, whatever becomes of the others."""
    if order.value.get("entry"):
        return _of_entry(order, seen)
    if seen.get("reached") is True:
        return Outcome(OrderState.SUCCEEDED)
    if seen.get("failed") is True:
        return Outcome(OrderState.FAILED, "not_reached", str(seen.get("detail") or "The device could not reach it."))
    return Outcome(None)


def _of_entry(order: AgentOrder, seen: Mapping[str, Any]) -> Outcome:
    evidence = seen.get("evidence")
    listed = evidence.get("entries") if isinstance(evidence, Mapping) else None
    entries = {one.get("id"): one for one in listed if isinstance(one, Mapping)} if isinstance(listed, list) else {}
    entry = entries.get(order.value["entry"])
    if not order.value.get("id"):  # to be taken out
        return Outcome(OrderState.SUCCEEDED if entry is None and isinstance(listed, list) else None)
    if entry is None or entry.get("missing"):
        if seen.get("failed") is True:
            return Outcome(OrderState.FAILED, "not_reached", str(seen.get("detail", ""))[:300])
        return Outcome(None)
    refused = _reasons(entry.get("refused"))
    if not refused:
        return Outcome(OrderState.SUCCEEDED)
    if entry.get("enforced"):
        return Outcome(OrderState.PARTIALLY_SUCCEEDED, "partly_refused", f"Not done here: {refused}")
    return Outcome(OrderState.FAILED, "refused", f"The device refused: {refused}")


def _reasons(listed: object) -> str:
    found = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    return " ".join(f"{one.get('value')}: {one.get('reason')}" for one in found)[:400]
