"""What orders change in a simulated mailbox: messages and inbox rules."""

from collections.abc import Mapping
from typing import Any

from connectors.kinds.simulator.outcome import Outcome, Seen, State

TRASH = "Recoverable items"
INBOX = "Inbox"


def message_key(message_id: str) -> str:
    return message_id.strip().strip("<>").lower()


def soft_delete(state: State, order: Mapping[str, Any]) -> Outcome:
    key = message_key(order["arguments"]["message_id"])
    message = state.get("messages", {}).get(key)
    if message is None:
        return Outcome(message="The message is not in this mailbox.", effects=0, result={"found": False})
    folder = message.get("folder", INBOX)
    state["messages"] = {**state["messages"], key: {**message, "folder": TRASH}}
    return Outcome(message=f"Moved from {folder} to {TRASH}.", token={"folder": folder}, result={"found": True})


def restore_message(state: State, order: Mapping[str, Any]) -> Outcome:
    key = message_key(order["arguments"]["message_id"])
    message = state.get("messages", {}).get(key)
    if message is None:
        return Outcome("failed", "The trash holds no such message.", effects=0)
    folder = (order.get("reverses") or {}).get("token", {}).get("folder") or INBOX
    state["messages"] = {**state["messages"], key: {**message, "folder": folder}}
    return Outcome(message=f"Moved back to {folder}.", result={"found": True})


def rule_key(rule_id: str) -> str:
    return rule_id.strip().strip("<>").lower()


def disable_rule(state: State, order: Mapping[str, Any]) -> Outcome:
    return _switch_rule(state, order, enabled=False)


def enable_rule(state: State, order: Mapping[str, Any]) -> Outcome:
    return _switch_rule(state, order, enabled=True)


def _switch_rule(state: State, order: Mapping[str, Any], *, enabled: bool) -> Outcome:
    """The whole rule goes into the receipt: somebody may change or delete it before it is wanted back."""
    key = rule_key(order["arguments"]["rule_id"])
    rule = state.get("rules", {}).get(key)
    written = (order.get("reverses") or {}).get("token", {}).get("rule")
    if rule is None and not (enabled and written):
        return Outcome("failed", "The mailbox has no such rule.", effects=0)
    former = rule or written
    state["rules"] = {
        **state.get("rules", {}),
        key: {**(written if enabled and written else former), "enabled": enabled},
    }
    word = "works again" if enabled else "no longer works"
    return Outcome(message=f"The rule {former['name']} {word}.", token={"rule": former})


def see_message(state: State, key: str) -> Seen:
    message = state.get("messages", {}).get(message_key(key))
    folder = message.get("folder", INBOX) if message else ""
    value = "removed" if message is None or folder == TRASH else "delivered"
    return Seen(value, "Mailbox searched by message id", evidence={"folder": folder or None})


def see_rule(state: State, key: str) -> Seen:
    """One rule; without a key, all of them, for people to choose from."""
    rules = state.get("rules", {})
    if not key:
        listed = [
            {"key": one, "label": rule["name"], "detail": rule.get("does", ""), "state": _word(rule)}
            for one, rule in rules.items()
        ]
        return Seen("listed", "Rules of the mailbox listed", evidence={"objects": listed})
    rule = rules.get(rule_key(key))
    value = "absent" if rule is None else _word(rule)
    return Seen(value, "Rules of the mailbox listed", evidence={"rule": dict(rule) if rule else None})


def _word(rule: Mapping[str, Any]) -> str:
    return "enabled" if rule.get("enabled", True) else "disabled"
