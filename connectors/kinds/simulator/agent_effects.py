"""What only an agent on a device can do, on a simulated one."""

from collections.abc import Mapping
from typing import Any

from connectors.kinds.simulator.outcome import Outcome, Seen, State
from core import clock

COLLECTED = "collected-file"


def contain(state: State, order: Mapping[str, Any]) -> Outcome:
    told = order["arguments"]
    state["contained"] = {**state.get("contained", {}), told["entry"]: list(told.get("addresses", []))}
    return Outcome(message="All traffic with it is dropped.", effects=1)


def uncontain(state: State, order: Mapping[str, Any]) -> Outcome:
    kept = {name: one for name, one in state.get("contained", {}).items() if name != order["arguments"]["entry"]}
    state["contained"] = kept
    return Outcome(message="Traffic with it passes again.")


def see_contained(state: State, key: str) -> Seen:
    dropped = state.get("contained", {}).get(key)
    return Seen(
        "open" if dropped is None else "contained", "The device's filter was read", {}, {"drops": dropped or []}
    )


def contain_account(state: State, order: Mapping[str, Any]) -> Outcome:
    told = order["arguments"]
    state["accounts_kept_out"] = {**state.get("accounts_kept_out", {}), told["entry"]: str(told.get("account", ""))}
    return Outcome(message="The account is kept out.", effects=1)


def uncontain_account(state: State, order: Mapping[str, Any]) -> Outcome:
    kept = state.get("accounts_kept_out", {})
    state["accounts_kept_out"] = {name: one for name, one in kept.items() if name != order["arguments"]["entry"]}
    return Outcome(message="The account is let on again.")


def see_accounts(state: State, key: str) -> Seen:
    account = state.get("accounts_kept_out", {}).get(key)
    value = "open" if account is None else "contained"
    return Seen(value, "The device's accounts were read", {}, {"account": account or ""})


def collect_file(state: State, order: Mapping[str, Any]) -> Outcome:
    """Nobody gets a real file from a simulated device: a line says which it would have been."""
    told = order["arguments"]
    if state.get("files", {}).get(told.get("file_key"), {}).get("state") != "present":
        return Outcome("failed", "The file was not found on this device.", effects=0)
    state["last_collected"] = {"order": order["key"], "at": clock.now().isoformat()}
    text = f"SIMULATED content of {told.get('path', '')} ({told['file_key']})\n"
    return Outcome(message="A copy was sent.", result={"path": told.get("path", "")}, report={"file": text})


def see_collected(state: State, _key: str) -> Seen:
    last = state.get("last_collected")
    if not last:
        return Seen("never", "Last file that was sent")
    return Seen("collected", "Last file that was sent", {"order": last["order"]}, dict(last))


def offboard(state: State, _order: Mapping[str, Any]) -> Outcome:
    state["agent"] = "offboarded"
    return Outcome(message="The simulated agent has left.")


def see_agent(state: State, _key: str) -> Seen:
    return Seen(str(state.get("agent", "joined")), "The simulated company's list of agents")
