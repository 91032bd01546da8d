"""The lab of the endpoint agents: a small agent in this process answers what was signed."""

from datetime import timedelta
from itertools import count
from typing import Any
from unittest import mock

from connectors.enums import OrderState
from connectors.errors import OutcomeUnknown
from connectors.kinds.endpoint_agent import connector
from connectors.models import AgentOrder, Connection, SignedList
from connectors.ports import INDICATORS, TENANT, Capability, Request
from connectors.receipts import Receipt
from connectors.services.agents.enrol import connection_of_agents
from connectors.services.deliver import Order, order_delivery
from connectors.signing.keys import NoKeys
from connectors.targets import Target
from core import clock
from core.actors import Actor
from tests.contracts.labs import Case
from tests.factories.small_agent import SmallAgent, joined, sign_all

_SHA256 = "a" * 64
_FILE = f"sha256:{_SHA256}"
_PATH = "/srv/ann/dropper"
_BLOCK = {"key": "ip:203.0.113.9", "type": "ipAddress", "value": "203.0.113.9", "action": "block", "digest": "d1"}
_ENTRY = {"entry": "device:7", "addresses": ["203.0.113.40"], "macs": [], "until": 4_000_000_000}
_ACCOUNT = {"entry": "identity:7", "account": "ann", "until": 4_000_000_000}
# action -> (arguments, facet, key within it, word before, word after, inverse)
_CASES: dict[str, tuple[dict[str, Any], str, str, str, str, str]] = {
    "device.isolate": ({"isolation_type": "full"}, "network", "", "connected", "isolated", "device.release"),
    "device.release": ({}, "network", "", "isolated", "connected", "device.isolate"),
    "device.restrict_execution": (
        {"mode": "restricted"}, "execution", "", "unrestricted", "restricted", "device.unrestrict_execution",
    ),
    "device.unrestrict_execution": ({}, "execution", "", "restricted", "unrestricted", "device.restrict_execution"),
    "device.antivirus_scan": ({"scan_type": "quick"}, "scan", "", "never", "finished", ""),
    "device.collect_package": ({}, "package", "", "never", "collected", ""),
    "device.sweep": ({"indicators": "[]"}, "sweep", "", "never", "finished", ""),
    "device.offboard": ({}, "agent", "", "joined", "offboarded", ""),
    "device.contain": (_ENTRY, "contain", "device:7", "open", "contained", "device.uncontain"),
    "device.uncontain": (_ENTRY, "contain", "device:7", "contained", "open", "device.contain"),
    "identity.contain": (_ACCOUNT, "accounts", "identity:7", "open", "contained", "identity.uncontain"),
    "identity.uncontain": (_ACCOUNT, "accounts", "identity:7", "contained", "open", "identity.contain"),
    "file.quarantine": (
        {"file_key": _FILE, "paths": [_PATH]}, "files", _FILE, "present", "quarantined", "file.restore",
    ),
    "file.restore": ({"file_key": _FILE, "items": ["1"]}, "files", _FILE, "quarantined", "present", "file.quarantine"),
    "file.collect": ({"path": _PATH, "file_key": _FILE}, "collected", "", "never", "collected", ""),
    INDICATORS: ({"set": [_BLOCK]}, "indicators", _BLOCK["key"], "absent", "block", ""),
}  # fmt: skip


class EndpointLab:
    _numbers = count(1)

    def __init__(self) -> None:
        self._agents: dict[str, SmallAgent] = {}
        self._signer_away_until = clock.real_now()

    def connection(self) -> Connection:
        self._signer_away_until = clock.real_now()
        return connection_of_agents(actor=Actor.system("contract"))

    def case(self, connection: Connection, capability: Capability) -> Case:
        arguments, facet, key, before, after, inverse = _CASES[capability.action]
        target = TENANT
        if capability.action != INDICATORS:
            small = joined()
            self._agents[small.id] = small
            target = Target("device", small.id, small.agent.name)
            self._prepare(small, facet, before)
        return Case(capability.action, target, arguments, facet, key, before, after, inverse)

    def _prepare(self, small: SmallAgent, facet: str, before: str) -> None:
        if facet == "files":
            small.named.add(_SHA256)
            small.files[_SHA256] = [_PATH] if before == "present" else []
            small.store = {} if before == "present" else {"1": (_SHA256, _PATH)}
        orders: dict[str, tuple[str, dict[str, Any]]] = {
            "isolated": ("device.isolate", {"isolation_type": "full"}),
            "restricted": ("device.restrict_execution", {"mode": "restricted"}),
            "contained": ("device.contain", _ENTRY),
        }
        if facet == "accounts":
            orders["contained"] = ("identity.contain", _ACCOUNT)
        undone = orders.get(before)
        if undone is not None:
            request = Request(f"before {next(self._numbers)}", undone[0], Target("device", small.id), undone[1])
            self.expect(small.agent.connection, request, None)
            connector.EndpointAgentConnector(small.agent.connection).submit(request)
            self.go_on(small.agent.connection)
        small.tell()

    def expect(self, connection: Connection, request: Request, receipt: Receipt | None) -> None:
        """The portal's sealed order, as remediation stores it before it hands it over."""
        order_delivery(Order(
            reference=f"contract:{next(self._numbers)}", key=request.key, connection=connection, action=request.action,
            target=request.target, arguments=request.arguments, reverses=receipt.as_json() if receipt else {},
        ))  # fmt: skip

    def go_on(self, connection: Connection) -> None:
        if clock.now() < self._signer_away_until:
            return
        sign_all(without_asking=True)
        for small in self._agents.values():
            if small.agent.connection_id == connection.pk and _is_here(small):
                small.turn()

    def be(self, connection: Connection, case: Case, situation: str) -> None:
        small = self._agents.get(case.target.remote_id)
        if situation in {"offline", "unobservable"}:
            self._go_away(connection, small, situation)
        elif situation == "online":
            self._signer_away_until = clock.real_now()
            if small is not None:
                small.tell()
        elif situation == "slow":
            self._signer_away_until = clock.now() + self.slow_by() - timedelta(seconds=10)
        elif situation == "unavailable_once":
            _once("key_list", NoKeys("The keys for endpoint agents were not made yet."), first=False)
        elif situation == "loses_answer_once":
            _once("give_order", OutcomeUnknown("The database did not answer."), first=True)

    def _go_away(self, connection: Connection, small: SmallAgent | None, situation: str) -> None:
        if small is not None:
            small.be_away()
        elif situation == "offline":
            self._signer_away_until = clock.now() + timedelta(days=1)
        else:
            forged = {"payloadType": "x", "payload": "e30=", "signatures": []}
            SignedList.objects.update_or_create(connection=connection, defaults={"envelope": forged})

    def effects(self, connection: Connection, key: str) -> int:
        order = AgentOrder.objects.filter(key=key).first()
        if order is None:
            return 0
        if order.agent is None:
            return int(order.state == OrderState.SUCCEEDED)
        return self._agents[order.agent.device_id].effects(key, order.generation)

    def slow_by(self) -> timedelta:
        return timedelta(seconds=130)


def _is_here(small: SmallAgent) -> bool:
    small.agent.refresh_from_db()
    return small.agent.seen_at is not None


def _once(name: str, error: Exception, *, first: bool) -> None:
    """The next call fails, with `first` after it was done; the one after that is as ever."""
    real = getattr(connector, name)

    def fail(*arguments: Any, **words: Any) -> Any:
        patch.stop()
        if first:
            real(*arguments, **words)
        raise error

    patch = mock.patch.object(connector, name, fail)
    patch.start()


LAB = EndpointLab()
