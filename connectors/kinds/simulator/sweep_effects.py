"""Looking for indicators on a simulated device: its files by hash and path, whatever else was put there by name."""

import json
from collections.abc import Mapping
from typing import Any

from connectors.kinds.simulator.outcome import Outcome, Seen, State


def sweep(state: State, order: Mapping[str, Any]) -> Outcome:
    try:
        listed = json.loads(order["arguments"].get("indicators", ""))
    except ValueError:
        return Outcome("failed", "The list of indicators cannot be read.", effects=0)
    found = [hit for one in listed for hit in _hits(state, one)]
    state["last_sweep"] = {"order": order["key"], "found": len(found)}
    return Outcome(message=f"{len(found)} found.", result={"found": found})


def _hits(state: State, item: Mapping[str, Any]) -> list[dict[str, str]]:
    kind, value = str(item.get("kind")), str(item.get("value"))
    if kind in {"hash", "path", "persistence"}:
        present = [(key, file) for key, file in state.get("files", {}).items() if file.get("state") == "present"]
        return [
            _hit(item, str(file.get("path", "")), key)
            for key, file in present
            if value in (key.partition(":")[2], file.get("path"))
        ]
    places = state.get("traces", {}).get(f"{kind}:{value}", [])
    return [{"id": str(item.get("id")), "where": str(place), "detail": ""} for place in places]


def _hit(item: Mapping[str, Any], path: str, key: str) -> dict[str, str]:
    algorithm, _, value = key.partition(":")
    digest = {"sha256": value} if algorithm == "sha256" else {}
    return {"id": str(item.get("id")), "where": path, "detail": "The file is there.", **digest}


def see_sweep(state: State, _key: str) -> Seen:
    last = state.get("last_sweep")
    if not last:
        return Seen("never", "The answer of the device")
    return Seen("finished", "The answer of the device", {"order": last["order"]}, dict(last))
