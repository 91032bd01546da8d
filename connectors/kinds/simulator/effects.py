"""What each action changes in a simulated target, and what is seen of it afterwards."""

from collections.abc import Callable, Mapping
from typing import Any

from connectors.kinds.simulator import (
    account_effects,
    agent_effects,
    device_effects,
    mail_effects,
    sweep_effects,
    tenant_effects,
)
from connectors.kinds.simulator.mail_effects import INBOX, TRASH, message_key, rule_key
from connectors.kinds.simulator.outcome import Outcome, Seen, State

__all__ = ["FACETS", "INBOX", "TRASH", "apply_effect", "message_key", "rule_key", "see"]

_CHANGEABLE = (
    "network",
    "isolation_type",
    "execution",
    "files",
    "last_scan",
    "last_package",
    "last_sweep",
    "last_collected",
    "contained",
    "agent",
    "account",
    "password_of",
    "sessions_of",
    "messages",
    "rules",
    "indicators",
)
FACETS = {
    "device.isolate": "network",
    "device.release": "network",
    "device.restrict_execution": "execution",
    "device.unrestrict_execution": "execution",
    "identity.disable": "account",
    "identity.enable": "account",
    "identity.force_password_change": "password",
    "identity.waive_password_change": "password",
}


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


_EFFECTS: dict[str, Callable[[State, Mapping[str, Any]], Outcome]] = {
    "device.isolate": device_effects.isolate,
    "device.release": device_effects.release,
    "device.antivirus_scan": device_effects.scan,
    "device.restrict_execution": device_effects.restrict,
    "device.unrestrict_execution": device_effects.unrestrict,
    "device.collect_package": device_effects.collect_package,
    "device.sweep": sweep_effects.sweep,
    "device.contain": agent_effects.contain,
    "device.uncontain": agent_effects.uncontain,
    "identity.contain": agent_effects.contain_account,
    "identity.uncontain": agent_effects.uncontain_account,
    "device.offboard": agent_effects.offboard,
    "file.collect": agent_effects.collect_file,
    "file.quarantine": device_effects.quarantine,
    "file.restore": device_effects.restore_file,
    "identity.disable": account_effects.disable,
    "identity.enable": account_effects.enable,
    "identity.force_password_change": account_effects.force_password_change,
    "identity.waive_password_change": account_effects.waive_password_change,
    "identity.revoke_sessions": account_effects.revoke_sessions,
    "mailbox.soft_delete_message": mail_effects.soft_delete,
    "mailbox.restore_message": mail_effects.restore_message,
    "mailbox.disable_rule": mail_effects.disable_rule,
    "mailbox.enable_rule": mail_effects.enable_rule,
    "indicators.apply": tenant_effects.apply_indicators,
}
_HALVES: dict[str, Callable[[State], None]] = {
    "device.isolate": device_effects.half_isolated,
    "identity.force_password_change": account_effects.half_of_passwords,
}


def see(state: State, facet: str, key: str) -> Seen | None:
    """The truth about a facet; None when the target has no such facet."""
    look = _LOOKS.get(facet)
    return look(state, key) if look else None


_LOOKS: dict[str, Callable[[State, str], Seen]] = {
    "network": device_effects.see_network,
    "scan": device_effects.see_scan,
    "files": device_effects.see_file,
    "execution": device_effects.see_execution,
    "package": device_effects.see_package,
    "sweep": sweep_effects.see_sweep,
    "contain": agent_effects.see_contained,
    "accounts": agent_effects.see_accounts,
    "collected": agent_effects.see_collected,
    "agent": agent_effects.see_agent,
    "account": account_effects.see_account,
    "password": account_effects.see_password,
    "sessions": account_effects.see_sessions,
    "messages": mail_effects.see_message,
    "rules": mail_effects.see_rule,
    "indicators": tenant_effects.see_indicators,
    "indicator_hits": tenant_effects.see_hits,
}
