"""The port of the endpoint agents: an order becomes a row for the signer, its outcome is what the device answered."""

from datetime import datetime
from typing import Any

from connectors.agent_facts import opens_in_words
from connectors.enums import AgentState, DeliveryState, OrderKind, OrderState
from connectors.errors import Misconfigured, Rejected, TargetGone, TargetOffline, Unsupported
from connectors.kinds.endpoint_agent import reading
from connectors.kinds.endpoint_agent.capabilities import MANIFEST
from connectors.kinds.endpoint_agent.wishes import PREFIX, agent_of, is_state, wish_of
from connectors.models import Agent, AgentOrder, AgentPolicy, Connection, Delivery
from connectors.ports import (
    INDICATORS,
    TENANT,
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
from connectors.services.agents.heartbeat import is_connected
from connectors.services.agents.inventory import plain_name
from connectors.services.agents.orders import cancel_order, give_order
from connectors.services.agents.secret_words import SEALED
from connectors.services.agents.uploads import proof_of, sent_by
from connectors.services.agents.wanted_files import is_moving
from connectors.signing.keys import NoKeys, key_list
from connectors.signing.vouching import NotVouched
from connectors.targets import Target
from core import clock

_STATES = {
    OrderState.UNSIGNED: DeliveryState.DELIVERED,
    OrderState.READY: DeliveryState.DELIVERED,
    OrderState.HANDED: DeliveryState.STARTED,
    OrderState.SUCCEEDED: DeliveryState.SUCCEEDED,
    OrderState.PARTIALLY_SUCCEEDED: DeliveryState.PARTIALLY_SUCCEEDED,
    OrderState.FAILED: DeliveryState.FAILED,
    OrderState.TIMED_OUT: DeliveryState.TIMED_OUT,
    OrderState.CANCELLED: DeliveryState.CANCELLED,
    OrderState.EXPIRED: DeliveryState.EXPIRED,
    OrderState.UNKNOWN: DeliveryState.UNKNOWN,
}


class EndpointAgentConnector:
    """Keeps the contract of `connectors.ports.Connector`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def describe(self) -> Manifest:
        return MANIFEST

    def check(self) -> str:
        try:
            key_list()
        except NoKeys as error:
            raise Misconfigured(str(error)) from None
        agents = list(Agent.objects.in_service().filter(connection=self._connection).only("state", "seen_at"))
        return f"{sum(is_connected(one) for one in agents):,} of {len(agents):,} agents are connected"

    def why_not(self, target: Target, action: str) -> str:
        """Why this device cannot do it, in its own words; empty when it can."""
        agent = agent_of(target.remote_id)
        if agent is None:
            return "No agent of this name has joined."
        if agent.state != AgentState.APPROVED:
            return f"The agent is {agent.get_state_display().lower()}."
        if agent.cloned_at is not None:
            return "Two machines use the key of this agent; somebody has to decide first."
        told = agent.status.get("capabilities")
        return str(told.get(action, "")) if isinstance(told, dict) else ""

    def preflight(self, request: Request) -> Preflight:
        if request.target == TENANT:
            return Preflight()
        if why := self.why_not(request.target, request.action):
            return Preflight(blockers=(why,))
        agent = agent_of(request.target.remote_id)
        away = agent is not None and not is_connected(agent)
        warnings: tuple[str, ...] = ()
        if away:
            warnings = (f"{request.target} is not connected now: it waits for up to 3 days.",)
        if agent is not None and request.action == "device.isolate":
            policy = AgentPolicy.objects.filter(device_group=agent.device_group_id).first()
            warnings += (opens_in_words(policy),)
        return Preflight(warnings=warnings)

    def submit(self, request: Request) -> Ticket:
        return self._give(request)

    def undo(self, request: Request, receipt: Receipt) -> Ticket:
        """What is to be taken back stands in the delivery, sealed."""
        return self._give(request)

    def _give(self, request: Request) -> Ticket:
        delivery = Delivery.objects.filter(idempotency_key=request.key).first()
        if delivery is None:
            raise Rejected("The order is not one of the portal's.")
        if AgentOrder.objects.filter(key=request.key).exists():
            return Ticket(request.key)
        try:
            key_list()
        except NoKeys as error:
            raise Misconfigured(str(error)) from None
        try:
            wish = wish_of(delivery)
        except NotVouched as no:
            raise Unsupported(no.message) from None
        expires = wish.expires or clock.real_now()
        if request.action == INDICATORS:
            if request.target != TENANT:
                raise TargetGone("A list of indicators is for all agents.")
            give_order(
                None, key=request.key, reference=f"{PREFIX}:{delivery.pk}", expires=expires,
                kind=OrderKind.INDICATORS, action=wish.action, value={"connection_id": self._connection.pk},
            )  # fmt: skip
            return Ticket(request.key)
        agent = self._agent(request)
        give_order(
            agent, key=request.key, reference=f"{PREFIX}:{delivery.pk}", expires=expires,
            kind=OrderKind.STATE if is_state(wish) else OrderKind.COMMAND, action=wish.action,
            arguments=wish.arguments, effect=wish.effect, facet=wish.facet, value=wish.value, run_s=wish.run_s,
        )  # fmt: skip
        return Ticket(request.key)

    def _agent(self, request: Request) -> Agent:
        agent = agent_of(request.target.remote_id)
        if agent is None:
            raise TargetGone(f"No agent of {request.target} has joined.")
        if why := self.why_not(request.target, request.action):
            raise Unsupported(f"{request.target}: {why}")
        if not is_connected(agent):
            raise TargetOffline(f"{request.target} is not connected.")
        return agent

    def poll(self, ticket: Ticket, cursor: str) -> Report:
        order = AgentOrder.objects.select_related("agent").filter(key=ticket.id).first()
        if order is None:
            raise TargetGone("The order is not known any more.")
        artefacts = _artefacts(order)
        done = order.state in {OrderState.SUCCEEDED, OrderState.PARTIALLY_SUCCEEDED}
        return Report(
            state=_STATES[OrderState(order.state)],
            detail=order.error,
            code=order.error_code,
            progress=100 if done else order.percent,
            log=_log(order),
            artefacts=artefacts,
            result={name: value for name, value in order.result.items() if name not in {"password", SEALED}},
            receipt=Receipt(ticket.id, order.action, _token(order)) if done else None,
            cursor=order.state,
            moving=not done and is_moving(order),
        )

    def cancel(self, ticket: Ticket) -> CancelAnswer:
        order = AgentOrder.objects.filter(key=ticket.id).first()
        if order is None:
            raise TargetGone("The order is not known any more.")
        if cancel_order(order):
            return CancelAnswer.ACCEPTED
        return CancelAnswer.TOO_LATE

    def observe(self, target: Target, facet: str, key: str = "") -> ObservedState:
        if target == TENANT:
            return reading.read_list(self._connection, facet, key)
        agent = agent_of(target.remote_id)
        if agent is None:
            raise TargetGone(f"No agent of {target} has joined.")
        if facet == "agent" and agent.state != AgentState.APPROVED:
            return reading.read_place(agent)
        if not is_connected(agent):
            raise TargetOffline(f"{target} is not connected.")
        if facet == "agent":
            return reading.read_place(agent)
        return reading.read_facet(agent, facet, key)


def _token(order: AgentOrder) -> dict[str, Any]:
    """What taking it back needs."""
    taken = order.result.get("taken")
    items = [str(one.get("item")) for one in taken if isinstance(one, dict)] if isinstance(taken, list) else []
    return {"items": items} if items else {}


def _log(order: AgentOrder) -> list[LogLine]:
    lines = []
    stamps: tuple[tuple[str, datetime | None, str], ...] = (
        ("signed", order.signed_at, "Signed for this device"),
        ("handed", order.handed_at, "Handed over to the device"),
        ("began", order.began_at, "Begun on the device"),
    )
    lines += [LogLine(name, at, text) for name, at, text in stamps if at is not None]
    for entry in order.progress:
        at = datetime.fromisoformat(entry["at"])
        lines += [LogLine(f"{entry['seq']}-{place}", at, text) for place, text in enumerate(entry["lines"])]
    if order.ended_at is not None:
        level = "error" if order.state == OrderState.FAILED else "info"
        lines.append(LogLine(f"ended-{order.state}", order.ended_at, order.error or order.get_state_display(), level))
    return lines


def _artefacts(order: AgentOrder) -> list[Artefact]:
    """Files that arrived whole; the device sends them before it tells of the outcome."""
    listed = order.result.get("artefacts")
    found = []
    for one in listed if isinstance(listed, list) else []:
        content = sent_by(order.agent, str(one.get("sha256"))) if order.agent and isinstance(one, dict) else None
        if content is not None and order.agent is not None:
            proof = proof_of(order.agent, str(one.get("sha256")))
            name, media_type = plain_name(one.get("name")), str(one.get("media_type", ""))[:100]
            found.append(Artefact(name, media_type, content, proof, str(order.result.get(SEALED, ""))))
    return found
