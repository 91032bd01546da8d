"""What each action changes in a simulated target, and what is seen of it afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core import clock

State = dict[str, Any]
TRASH = "Recoverable items"
INBOX = "Inbox"
_CHANGEABLE = ("network", "isolation_type", "account", "files", "messages", "last_scan")
FACETS = {
    "device.isolate": "network",
    "device.release": "network",
    "identity.disable": "account",
    "identity.enable": "account",
}


@dataclass(slots=True)
class Outcome:
    """`effects` is 1 when something was changed, `token` what the inverse needs, `report` a file's content."""

    standing: str = "done"
    message: str = ""
    effects: int = 1
    token: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] | None = None


def apply_effect(state: State, order: Mapping[str, Any], *, half: bool, pretend: bool) -> Outcome:
    """Change the target as the order says; half of it, or nothing at all while claiming success."""
    before = {name: state[name] for name in _CHANGEABLE if name in state}
    outcome = _EFFECTS[order["action"]](state, order)
    if pretend or (half and outcome.standing == "done"):
        for name in _CHANGEABLE:
            state.pop(name, None)
        state.update(before)
        outcome.effects = 0
    if half and outcome.standing == "done" and not pretend:
        outcome.standing, outcome.message = "half_done", "Only part of it could be done; the rest failed."
        if order["action"] in _HALVES:
            _HALVES[order["action"]](state)
    return outcome


def _isolate(state: State, order: Mapping[str, Any]) -> Outcome:
    was = state.get("network", "connected")
    state["network"] = "isolated"
    state["isolation_type"] = order["arguments"].get("isolation_type", "full")
    return Outcome(message="The network is cut.", effects=1, token={"network": was})


def _release(state: State, _order: Mapping[str, Any]) -> Outcome:
    state["network"] = "connected"
    state["isolation_type"] = ""
    return Outcome(message="The network is back.")


def _scan(state: State, order: Mapping[str, Any]) -> Outcome:
    scan_type = order["arguments"].get("scan_type", "quick")
    found = [
        {"key": key, "name": file.get("name", ""), "path": file.get("path", "")}
        for key, file in state.get("files", {}).items()
        if file.get("malicious") and file.get("state") == "present"
    ]
    examined = 214_380 if scan_type == "full" else 9_412
    state["last_scan"] = {
        "order": order["key"],
        "scan_type": scan_type,
        "at": clock.now().isoformat(),
        "found": len(found),
    }
    report = {
        "simulated": True,
        "scan_type": scan_type,
        "files_examined": examined,
        "found": found,
        "signatures": "simulated set, 1 day old",
    }
    message = f"{examined:,} files examined, {len(found)} threats found."
    return Outcome(message=message, result={"files_examined": examined, "found": len(found)}, report=report)


def _quarantine(state: State, order: Mapping[str, Any]) -> Outcome:
    key = order["arguments"]["file_key"]
    file = state.get("files", {}).get(key)
    if file is None:
        return Outcome("failed", "The file was not found on this device.", effects=0)
    already = file.get("state") == "quarantined"
    state["files"] = {**state["files"], key: {**file, "state": "quarantined"}}
    return Outcome(
        message="The file is in quarantine already." if already else "Stopped and moved to quarantine.",
        token={"item": f"quarantine/{key}", "path": file.get("path", "")},
        result={"processes_stopped": 0 if already else int(bool(file.get("running")))},
    )


def _restore_file(state: State, order: Mapping[str, Any]) -> Outcome:
    key = order["arguments"]["file_key"]
    file = state.get("files", {}).get(key)
    if file is None:
        return Outcome("failed", "The quarantine holds no such file.", effects=0)
    state["files"] = {**state["files"], key: {**file, "state": "present", "running": False}}
    return Outcome(message="The file is back in its place.")


def _disable(state: State, _order: Mapping[str, Any]) -> Outcome:
    was = state.get("account", "enabled")
    state["account"] = "disabled"
    return Outcome(message="The account is disabled.", token={"account": was})


def _enable(state: State, _order: Mapping[str, Any]) -> Outcome:
    state["account"] = "enabled"
    return Outcome(message="The account is enabled.")


def message_key(message_id: str) -> str:
    return message_id.strip().strip("<>").lower()


def _soft_delete(state: State, order: Mapping[str, Any]) -> Outcome:
    key = message_key(order["arguments"]["message_id"])
    message = state.get("messages", {}).get(key)
    if message is None:
        return Outcome(message="The message is not in this mailbox.", effects=0, result={"found": False})
    folder = message.get("folder", INBOX)
    state["messages"] = {**state["messages"], key: {**message, "folder": TRASH}}
    return Outcome(message=f"Moved from {folder} to {TRASH}.", token={"folder": folder}, result={"found": True})


def _restore_message(state: State, order: Mapping[str, Any]) -> Outcome:
    key = message_key(order["arguments"]["message_id"])
    message = state.get("messages", {}).get(key)
    if message is None:
        return Outcome("failed", "The trash holds no such message.", effects=0)
    folder = (order.get("reverses") or {}).get("token", {}).get("folder") or INBOX
    state["messages"] = {**state["messages"], key: {**message, "folder": folder}}
    return Outcome(message=f"Moved back to {folder}.", result={"found": True})


_EFFECTS: dict[str, Callable[[State, Mapping[str, Any]], Outcome]] = {
    "device.isolate": _isolate,
    "device.release": _release,
    "device.antivirus_scan": _scan,
    "file.quarantine": _quarantine,
    "file.restore": _restore_file,
    "identity.disable": _disable,
    "identity.enable": _enable,
    "mailbox.soft_delete_message": _soft_delete,
    "mailbox.restore_message": _restore_message,
}


def _half_isolated(state: State) -> None:
    state["network"], state["isolation_type"] = "partly_isolated", ""


_HALVES: dict[str, Callable[[State], None]] = {"device.isolate": _half_isolated}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a facet shows: the word, what narrows it, how it was read."""

    value: str
    method: str
    attributes: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)


def see(state: State, facet: str, key: str) -> Seen | None:
    """The truth about a facet; None when the target has no such facet."""
    look = _LOOKS.get(facet)
    return look(state, key) if look else None


def _see_network(state: State, _key: str) -> Seen:
    value = state.get("network", "connected")
    attributes = {"isolation_type": state["isolation_type"]} if state.get("isolation_type") else {}
    reached = {"security_service": True, "other_host": value == "connected", "inbound": value == "connected"}
    return Seen(value, "Probe from the device: security service, another host, inbound", attributes, reached)


def _see_scan(state: State, _key: str) -> Seen:
    scan = state.get("last_scan")
    if not scan:
        return Seen("never", "Last scan read from the device")
    attributes = {"order": scan["order"], "scan_type": scan["scan_type"]}
    return Seen("finished", "Last scan read from the device", attributes, dict(scan))


def _see_file(state: State, key: str) -> Seen:
    file = state.get("files", {}).get(key)
    value = "absent" if file is None else str(file.get("state", "present"))
    return Seen(
        value, "Looked for the file in its place and in the quarantine", evidence={"path": (file or {}).get("path")}
    )


def _see_account(state: State, _key: str) -> Seen:
    value = str(state.get("account", "enabled"))
    return Seen(value, "Account state read back; test sign-in", evidence={"sign_in_works": value == "enabled"})


def _see_message(state: State, key: str) -> Seen:
    message = state.get("messages", {}).get(message_key(key))
    folder = message.get("folder", INBOX) if message else ""
    value = "removed" if message is None or folder == TRASH else "delivered"
    return Seen(value, "Mailbox searched by message id", evidence={"folder": folder or None})


_LOOKS: dict[str, Callable[[State, str], Seen]] = {
    "network": _see_network,
    "scan": _see_scan,
    "files": _see_file,
    "account": _see_account,
    "messages": _see_message,
}
