"""The port of the simulated company."""

from datetime import datetime, timedelta
from typing import Any

from connectors.enums import DeliveryState
from connectors.errors import TargetGone, Unavailable
from connectors.kinds.simulator import agent_effects, package
from connectors.kinds.simulator.capabilities import MANIFEST
from connectors.kinds.simulator.client import SimulatedCompany
from connectors.kinds.simulator.effects import FACETS, see
from connectors.models import Connection
from connectors.ports import (
    Artefact,
    CancelAnswer,
    LogLine,
    Manifest,
    ObservedState,
    Preflight,
    Report,
    Request,
    Ticket,
)
from connectors.receipts import Receipt
from connectors.targets import Target
from core import clock

_STANDING = {
    "accepted": DeliveryState.DELIVERED,
    "running": DeliveryState.STARTED,
    "done": DeliveryState.SUCCEEDED,
    "half_done": DeliveryState.PARTIALLY_SUCCEEDED,
    "failed": DeliveryState.FAILED,
    "cancelled": DeliveryState.CANCELLED,
}
_TOLD = {"accepted": "Order received", "running": "Started"}
# A look a moment after the due time, so that it is never a moment too early.
_MARGIN_S = 0.01
SIMULATED = "SIMULATED: "


class SimulatorConnector:
    """Keeps the contract of `connectors.ports.Connector`; the company's clock is `core.clock`."""

    def __init__(self, connection: Connection) -> None:
        self._company = SimulatedCompany(connection)

    def describe(self) -> Manifest:
        return MANIFEST

    def check(self) -> str:
        return f"{SIMULATED}{self._company.count()} objects"

    def why_not(self, target: Target, action: str) -> str:
        return ""

    def preflight(self, request: Request) -> Preflight:
        capability = MANIFEST.capability(request.action, request.target.kind)
        if capability is None:
            return Preflight(blockers=("The simulated company cannot do this.",))
        try:
            with self._company.target(request.target.kind, request.target.remote_id) as remote:
                offline = remote.behaviour.offline
                seen = see(remote.state, FACETS.get(request.action, ""), "")
        except TargetGone as error:
            return Preflight(blockers=(error.message,))
        warnings = (f"{request.target} is offline: it waits for up to 3 days.",) if offline else ()
        return Preflight(current=seen.value if seen else "", warnings=warnings)

    def submit(self, request: Request) -> Ticket:
        return self._accept(request, None)

    def undo(self, request: Request, receipt: Receipt) -> Ticket:
        return self._accept(request, receipt)

    def _accept(self, request: Request, receipt: Receipt | None) -> Ticket:
        order = {
            "key": request.key,
            "kind": request.target.kind,
            "remote_id": request.target.remote_id,
            "action": request.action,
            "arguments": dict(request.arguments),
            "reverses": receipt.as_json() if receipt else None,
        }
        behaviour = self._company.accept(request.key, request.target.kind, request.target.remote_id, order)
        return Ticket(request.key, poll_after_s=behaviour.start_after_s + _MARGIN_S)

    def poll(self, ticket: Ticket, cursor: str) -> Report:
        order = self._company.look_at(ticket.id)
        standing = str(order["standing"])
        done = standing in {"done", "half_done"}
        return Report(
            state=_STANDING[standing],
            detail=str(order.get("message", "")),
            code="" if standing != "failed" else "simulated_failure",
            progress={"accepted": 0, "running": 50}.get(standing, 100),
            log=_log(order),
            artefacts=_artefacts(order),
            result={**order.get("result", {}), "simulated": True} if done else {},
            receipt=Receipt(ticket.id, str(order["action"]), order.get("receipt", {})) if done else None,
            cursor=standing,
            poll_after_s=_pause(order),
        )

    def cancel(self, ticket: Ticket) -> CancelAnswer:
        return CancelAnswer.ACCEPTED if self._company.stop(ticket.id) else CancelAnswer.TOO_LATE

    def observe(self, target: Target, facet: str, key: str = "") -> ObservedState:
        with self._company.target(target.kind, target.remote_id) as remote:
            if remote.behaviour.unobservable or remote.behaviour.offline:
                raise Unavailable(f"The state of {target} cannot be read now.")
            seen = see(remote.state, facet, key)
        if seen is None:
            return ObservedState(facet, known=False, detail=f"{target} has nothing called {facet}.", at=clock.now())
        return ObservedState(
            facet,
            known=True,
            value=seen.value,
            attributes=seen.attributes,
            at=clock.now(),
            method=f"{SIMULATED}{seen.method}",
            evidence={**seen.evidence, "simulated": True},
        )


def _log(order: dict[str, Any]) -> list[LogLine]:
    lines = []
    for standing, at in order["at"].items():
        text = _TOLD.get(standing) or str(order.get("message", standing))
        level = "error" if standing == "failed" else "warning" if standing == "half_done" else "info"
        lines.append(LogLine(standing, datetime.fromisoformat(at), f"{SIMULATED}{text}", level))
    return lines


def _artefacts(order: dict[str, Any]) -> list[Artefact]:
    report = order.get("report")
    if not report:
        return []
    if report.get("file"):
        return [Artefact(agent_effects.COLLECTED, "application/octet-stream", str(report["file"]).encode())]
    if report.get("package"):
        return [Artefact(package.NAME, package.MEDIA_TYPE, package.pack(report))]
    lines = [f"{name}: {value}" for name, value in report.items() if name != "found"]
    threats = [f"threat: {one['name']} {one['path']} {one['key']}" for one in report["found"]]
    text = "\n".join(["SIMULATED antivirus scan", *lines, *threats, ""])
    return [Artefact("scan-report.txt", "text/plain", text.encode())]


def _pause(order: dict[str, Any]) -> float | None:
    """Seconds until the order changes by itself."""
    behaviour, standing = order["behaviour"], order["standing"]
    wait = {"accepted": behaviour["start_after_s"], "running": behaviour["finish_after_s"]}.get(standing)
    if wait is None:
        return None
    changes = datetime.fromisoformat(order["at"]["accepted"]) + timedelta(seconds=float(wait))
    left = (changes - clock.now()).total_seconds()
    return left + _MARGIN_S if left > 0 else None
