"""The simulated company's lab."""

from datetime import timedelta
from itertools import count
from typing import Any

from connectors.kinds.simulator import world
from connectors.kinds.simulator.client import SimulatedCompany
from connectors.kinds.simulator.effects import TRASH
from connectors.models import Connection
from connectors.ports import Capability, Request
from connectors.receipts import Receipt
from connectors.services.connections import create_connection
from connectors.targets import Target
from core.actors import Actor
from tests.contracts.labs import Case

_SITUATIONS: dict[str, dict[str, object]] = {
    "offline": {"offline": True},
    "online": {"offline": False},
    "unavailable_once": {"unavailable": 1},
    "loses_answer_once": {"loses_answers": 1},
    "slow": {"start_after_s": 60, "finish_after_s": 120},
    "unobservable": {"unobservable": True},
}
_FILE, _MESSAGE, _RULE = "sha256:" + "a" * 64, "<m1@mail.example>", "hide-invoices"
_BLOCK = {"key": "ip:203.0.113.9", "type": "ipAddress", "value": "203.0.113.9", "action": "block", "digest": "d1"}
_ACCOUNT = {"entry": "identity:7", "account": "ann"}
# action -> (arguments, facet, key within it, word before, word after, inverse)
_CASES: dict[str, tuple[dict[str, Any], str, str, str, str, str]] = {
    "device.isolate": ({"isolation_type": "full"}, "network", "", "connected", "isolated", "device.release"),
    "device.release": ({}, "network", "", "isolated", "connected", "device.isolate"),
    "device.antivirus_scan": ({"scan_type": "quick"}, "scan", "", "never", "finished", ""),
    "device.contain": ({"entry": "device:7"}, "contain", "device:7", "open", "contained", "device.uncontain"),
    "device.uncontain": ({"entry": "device:7"}, "contain", "device:7", "contained", "open", "device.contain"),
    "identity.contain": (_ACCOUNT, "accounts", "identity:7", "open", "contained", "identity.uncontain"),
    "identity.uncontain": (_ACCOUNT, "accounts", "identity:7", "contained", "open", "identity.contain"),
    "device.offboard": ({}, "agent", "", "joined", "offboarded", ""),
    "file.collect": ({"file_key": _FILE, "path": "/tmp/dropper"}, "collected", "", "never", "collected", ""),
    "file.quarantine": ({"file_key": _FILE}, "files", _FILE, "present", "quarantined", "file.restore"),
    "file.restore": ({"file_key": _FILE}, "files", _FILE, "quarantined", "present", "file.quarantine"),
    "identity.disable": ({}, "account", "", "enabled", "disabled", "identity.enable"),
    "identity.enable": ({}, "account", "", "disabled", "enabled", "identity.disable"),
    "mailbox.soft_delete_message": (
        {"message_id": _MESSAGE}, "messages", _MESSAGE, "delivered", "removed", "mailbox.restore_message",
    ),
    "mailbox.restore_message": (
        {"message_id": _MESSAGE}, "messages", _MESSAGE, "removed", "delivered", "mailbox.soft_delete_message",
    ),
    "device.restrict_execution": ({}, "execution", "", "unrestricted", "restricted", "device.unrestrict_execution"),
    "device.unrestrict_execution": ({}, "execution", "", "restricted", "unrestricted", "device.restrict_execution"),
    "device.collect_package": ({}, "package", "", "never", "collected", ""),
    "device.sweep": ({"indicators": "[]"}, "sweep", "", "never", "finished", ""),
    "identity.force_password_change": (
        {}, "password", "", "no_change_required", "change_required", "identity.waive_password_change",
    ),
    "identity.waive_password_change": (
        {}, "password", "", "change_required", "no_change_required", "identity.force_password_change",
    ),
    "identity.revoke_sessions": ({}, "sessions", "", "open", "revoked", ""),
    "mailbox.disable_rule": ({"rule_id": _RULE}, "rules", _RULE, "enabled", "disabled", "mailbox.enable_rule"),
    "mailbox.enable_rule": ({"rule_id": _RULE}, "rules", _RULE, "disabled", "enabled", "mailbox.disable_rule"),
    "indicators.apply": ({"set": [_BLOCK]}, "indicators", _BLOCK["key"], "absent", "block", "indicators.apply"),
}  # fmt: skip


class SimulatorLab:
    _numbers = count()

    def connection(self) -> Connection:
        return create_connection(
            name=f"Lab {next(self._numbers)}",
            kind="simulator",
            settings={"start_after_s": "0", "finish_after_s": "0"},
            actor=Actor.system("lab"),
        )

    def case(self, connection: Connection, capability: Capability) -> Case:
        kind = next(iter(capability.target_kinds))
        arguments, facet, key, before, after, inverse = _CASES[capability.action]
        target = Target(kind, f"{kind}-{next(self._numbers)}", f"Lab {kind}")
        world.put_target(connection, kind, target.remote_id, name=target.name)
        if kind == "device":
            world.put_file(connection, target.remote_id, _FILE, name="dropper.exe", path="C:\\Temp")
        if kind == "mailbox":
            world.put_message(connection, target.remote_id, _MESSAGE, subject="Invoice", folder="Projects")
            world.put_rule(connection, target.remote_id, _RULE, name="Hide invoices", does="Moves to RSS Feeds")
        self._prepare(connection, target, facet, before)
        return Case(capability.action, target, arguments, facet, key, before, after, inverse)

    def _prepare(self, connection: Connection, target: Target, facet: str, word: str) -> None:
        """Bring the facet to its word before, as if somebody else had done it."""
        with SimulatedCompany(connection).target(target.kind, target.remote_id) as remote:
            if facet in {"network", "account", "execution"}:
                remote.state[facet] = word
            if facet == "contain" and word == "contained":
                remote.state["contained"] = {"device:7": []}
            if facet == "accounts" and word == "contained":
                remote.state["accounts_kept_out"] = {"identity:7": "ann"}
            if facet == "password":
                remote.state["password_of"] = dict.fromkeys(remote.state["accounts"], word)
            if facet == "rules":
                remote.state["rules"][_RULE]["enabled"] = word == "enabled"
            if facet == "files":
                remote.state["files"][_FILE]["state"] = word
            if facet == "messages" and word == "removed":
                remote.state["messages"]["m1@mail.example"]["folder"] = TRASH
            remote.save()

    def expect(self, connection: Connection, request: Request, receipt: Receipt | None) -> None:
        """The simulated company takes orders as they come."""

    def go_on(self, connection: Connection) -> None:
        """It goes on by itself whenever it is asked."""

    def be(self, connection: Connection, case: Case, situation: str) -> None:
        world.set_behaviour(connection, case.target.kind, case.target.remote_id, **_SITUATIONS[situation])

    def effects(self, connection: Connection, key: str) -> int:
        return world.effects_of(connection, key)

    def slow_by(self) -> timedelta:
        return timedelta(seconds=130)


LAB = SimulatorLab()
