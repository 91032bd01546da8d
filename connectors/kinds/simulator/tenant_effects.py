"""What orders change for the whole of the simulated company: its list of indicators; and what its devices met of it."""

from collections.abc import Mapping
from typing import Any

from connectors.kinds.simulator.outcome import Outcome, Seen, State
from connectors.ports import HITS_AT_ONCE

MOST_HITS = 1_000
_DOES = {"audit": "audited", "warn": "warned", "block": "blocked", "blockAndRemediate": "blocked"}


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


def meet(state: State, device: str, *, type: str, value: str, group: str, at: str) -> str:  # noqa: A002 - as the entry says
    """A device meets something: what it does with it, and keeps as a hit; empty when no entry of the list names it."""
    for key, entry in state.get("indicators", {}).items():
        groups = entry.get("device_groups") or [group]
        did = _DOES.get(str(entry.get("action")), "")
        if did and (entry.get("type"), entry.get("value")) == (type, value) and group in groups:
            number = int(state.get("hits_counted", 0)) + 1
            hit = {"id": f"{number:012d}", "indicator": key, "device": device, "at": at, "did": did}
            state["hits_counted"] = number
            state["hits"] = [*state.get("hits", []), hit][-MOST_HITS:]
            return did
    return ""


def see_hits(state: State, key: str) -> Seen:
    """What was met after the hit of this id; without one, from the oldest that is kept."""
    after = [hit for hit in state.get("hits", []) if str(hit["id"]) > key]
    return Seen("listed", "Hits of the list read", evidence={"hits": after[:HITS_AT_ONCE]})
