"""What orders change for the whole of the simulated company: its list of indicators."""

from collections.abc import Mapping
from typing import Any

from connectors.kinds.simulator.outcome import Outcome, Seen, State


def apply_indicators(state: State, order: Mapping[str, Any]) -> Outcome:
    """Set and remove as told; with a receipt, what it tells of is put back instead."""
    known = dict(state.get("indicators", {}))
    back = (order.get("reverses") or {}).get("token", {}).get("former")
    wanted = back if back is not None else _wanted(order["arguments"])
    former = {key: known.get(key) for key in wanted}
    for key, entry in wanted.items():
        if entry is None:
            known.pop(key, None)
        else:
            known[key] = entry
    state["indicators"] = known
    return Outcome(message=f"{len(wanted)} indicators taken over.", token={"former": former})


def _wanted(arguments: Mapping[str, Any]) -> dict[str, dict[str, Any] | None]:
    wanted: dict[str, dict[str, Any] | None] = dict.fromkeys(arguments.get("remove", []))
    wanted.update({str(entry["key"]): dict(entry) for entry in arguments.get("set", [])})
    return wanted


def see_indicators(state: State, key: str) -> Seen:
    """One indicator; without a key, all of them."""
    known = state.get("indicators", {})
    if not key:
        return Seen("listed", "List of indicators read back", evidence={"indicators": dict(known)})
    entry = known.get(key)
    if entry is None:
        return Seen("absent", "List of indicators read back")
    return Seen(
        str(entry["action"]), "List of indicators read back", {"digest": str(entry.get("digest", ""))}, dict(entry)
    )
