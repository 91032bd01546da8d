"""What orders change on a simulated person, who may own several accounts: each one answers for itself."""

from collections.abc import Mapping
from typing import Any

from connectors.kinds.simulator.outcome import Outcome, Seen, State
from core import clock

ONLY = ("directory",)


def accounts_of(state: State) -> list[str]:
    """The names of the person's accounts: one in the directory unless the world says otherwise."""
    return list(state.get("accounts") or ONLY)


def each(state: State, outcome: str) -> dict[str, Any]:
    return {"accounts": [{"account": name, "outcome": outcome} for name in accounts_of(state)]}


def disable(state: State, _order: Mapping[str, Any]) -> Outcome:
    was = state.get("account", "enabled")
    state["account"] = "disabled"
    return Outcome(message="The account is disabled.", token={"account": was}, result=each(state, "disabled"))


def enable(state: State, _order: Mapping[str, Any]) -> Outcome:
    state["account"] = "enabled"
    return Outcome(message="The account is enabled.", result=each(state, "enabled"))


def force_password_change(state: State, _order: Mapping[str, Any]) -> Outcome:
    return _set_passwords(state, "change_required", "A new password is demanded at the next sign-in.")


def waive_password_change(state: State, _order: Mapping[str, Any]) -> Outcome:
    return _set_passwords(state, "no_change_required", "The password may stay.")


def _set_passwords(state: State, word: str, message: str) -> Outcome:
    before = dict(state.get("password_of", {}))
    state["password_of"] = dict.fromkeys(accounts_of(state), word)
    return Outcome(message=message, token={"password_of": before}, result=each(state, word))


def half_of_passwords(state: State) -> None:
    """Only the first account heard of it."""
    state["password_of"] = {**state.get("password_of", {}), accounts_of(state)[0]: "change_required"}


def revoke_sessions(state: State, order: Mapping[str, Any]) -> Outcome:
    told = {"order": order["key"], "at": clock.now().isoformat()}
    state["sessions_of"] = dict.fromkeys(accounts_of(state), told)
    return Outcome(message="Every session has ended.", result=each(state, "revoked"))


def see_account(state: State, _key: str) -> Seen:
    value = str(state.get("account", "enabled"))
    return Seen(value, "Account state read back; test sign-in", evidence={"sign_in_works": value == "enabled"})


def see_password(state: State, _key: str) -> Seen:
    known = state.get("password_of", {})
    words = {name: str(known.get(name, "no_change_required")) for name in accounts_of(state)}
    value = next(iter(words.values())) if len(set(words.values())) == 1 else "partly_required"
    return Seen(value, "Each account read back", evidence={"accounts": words})


def see_sessions(state: State, _key: str) -> Seen:
    told = state.get("sessions_of", {})
    orders = {told.get(name, {}).get("order", "") for name in accounts_of(state)}
    if len(orders) != 1 or orders == {""}:
        return Seen("open", "Sessions listed for each account", evidence={"accounts": told})
    return Seen("revoked", "Sessions listed for each account", {"order": orders.pop()}, {"accounts": told})
