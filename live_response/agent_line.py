"""The line to the endpoint agents: who is on a device, what it is ordered, what it told; and the word of this room when
the signer asks whether an order stands."""

from datetime import datetime
from typing import Any

from connectors.enums import OrderState
from connectors.models import Agent, AgentOrder
from connectors.services.agents.heartbeat import is_connected
from connectors.services.agents.orders import cancel_order, give_order
from connectors.services.agents.uploads import forget_upload, sent_by
from connectors.services.agents.wanted_files import is_moving
from connectors.signing.vouching import NotVouched, Wish
from core.actors import Actor
from core.blobs import Given
from incidents.models import Device
from live_response.enums import CommandState
from live_response.line import Seen, Told
from live_response.models import LiveCommand
from live_response.services.orders import good_until, is_once, why_not_signed

KIND = "endpoint_agent"
_STATES = {OrderState.UNSIGNED: CommandState.QUEUED, OrderState.READY: CommandState.QUEUED,
           OrderState.HANDED: CommandState.STARTED}  # fmt: skip


class AgentLine:
    """Keeps the contract of `live_response.line.Line`."""

    def agent_of(self, device: Device) -> Seen | None:
        agent = _agent_on(device)
        if agent is None:
            return None
        told = agent.status.get("capabilities")
        cannot = {str(name): str(why) for name, why in told.items()} if isinstance(told, dict) else {}
        return Seen(agent.device_id, away=_away(agent), cannot=cannot, last_seen=agent.seen_at)

    def give(self, command: LiveCommand, *, expires: datetime, once: bool, reason: str) -> int:
        agent = Agent.objects.in_service().filter(device_id=command.agent_id).first()
        if agent is None:
            raise LookupError("The agent of this device has left.")
        order = give_order(
            agent, key=f"live-{command.pk}", reference=command.reference, expires=expires, action=command.action,
            arguments=command.arguments, effect=_effect(once), run_s=command.run_s,
        )  # fmt: skip
        return order.pk

    def cancel(self, order: int, *, actor: Actor) -> None:
        found = AgentOrder.objects.filter(pk=order).first()
        if found is not None:
            cancel_order(found)

    def told(self, order: int) -> Told | None:
        found = AgentOrder.objects.filter(pk=order).first()
        if found is None:
            return None
        result: dict[str, Any] = {**found.result}
        if found.state not in _STATES:
            result.setdefault("code", found.error_code)
            result.setdefault("detail", found.error)
        state = _STATES.get(OrderState(found.state), found.state)
        said = [(one["seq"], line) for one in found.progress for line in one["lines"]]
        return Told(state, result, found.began_at, percent=found.percent, said=said, moving=is_moving(found))

    def fetch(self, order: int, sha256: str) -> Given | None:
        found = AgentOrder.objects.select_related("agent").filter(pk=order).first()
        return sent_by(found.agent, sha256) if found is not None and found.agent is not None else None

    def forget(self, order: int, sha256: str) -> None:
        found = AgentOrder.objects.select_related("agent").filter(pk=order).first()
        if found is not None and found.agent is not None:
            forget_upload(found.agent, sha256)


def _agent_on(device: Device) -> Agent | None:
    """The one that is bound to the device; two are none, because nobody knows which is meant."""
    ids = device.bindings.filter(connection__kind=KIND).values_list("remote_id", flat=True)
    found = list(Agent.objects.in_service().filter(device_id__in=list(ids))[:2])
    return found[0] if len(found) == 1 else None


def _away(agent: Agent) -> str:
    if agent.cloned_at is not None:
        return "Two machines use the key of this agent; somebody has to decide first."
    return "" if is_connected(agent) else "The agent is away."


def _effect(once: bool) -> str:
    return "once" if once else "collect"


def vouch(order: AgentOrder) -> Wish:
    """What a person typed, from what this room has sealed. Raises `NotVouched`."""
    number = order.reference.removeprefix("live:")
    known = LiveCommand.objects.select_related("session")
    command = known.filter(pk=int(number)).first() if number.isascii() and number.isdigit() else None
    if command is None or order.key != f"live-{command.pk}":
        raise NotVouched("not_typed", "Nobody typed it.")
    if why := why_not_signed(command):
        raise NotVouched("not_standing", why)
    return Wish(command.agent_id, command.action, command.arguments, _effect(is_once(command)),
                expires=good_until(command), run_s=command.run_s)  # fmt: skip
