"""Orders to agents for tests, with the vouching that a later room would do."""

from datetime import timedelta
from typing import Any

from connectors.enums import OrderState
from connectors.models import Agent, AgentOrder
from connectors.services.agents.orders import give_order
from connectors.signing.envelope import COMMAND, seal
from connectors.signing.keys import SignerFolder, signing_key
from core import clock


def ready_command(agent: Agent, key: str = "order-1", **arguments: Any) -> AgentOrder:
    """A signed command that waits for its device."""
    expires = clock.real_now() + timedelta(hours=1)
    order = give_order(agent, key=key, reference="test:1", expires=expires, action="device.collect_package")
    value = {"id": key, "device": agent.device_id, "action": order.action, "arguments": arguments}
    envelope = seal(COMMAND, value, signing_key(SignerFolder.of_settings()))
    AgentOrder.objects.filter(pk=order.pk).update(
        state=OrderState.READY, envelope=envelope, signed_at=clock.real_now(), arguments=arguments
    )
    order.refresh_from_db()
    return order


def handed(agent: Agent, action: str = "file.collect", key: str = "fetch-1") -> AgentOrder:
    """A command that the device has, and whose outcome is waited for."""
    order = give_order(
        agent, key=key, reference="test:1", expires=clock.real_now() + timedelta(hours=1), action=action, run_s=600
    )
    AgentOrder.objects.filter(pk=order.pk).update(state=OrderState.HANDED, handed_at=clock.real_now())
    order.refresh_from_db()
    return order
