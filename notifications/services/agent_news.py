"""News of endpoint agents; listeners of events that the room of connections publishes."""

from django.db import transaction

from accounts import keys
from connectors.enums import AgentState
from connectors.models import Agent
from core.actors import Actor
from notifications import topics
from notifications.services.tell import tell

LINE = Actor.system("endpoint agents")
WAITS = topics.declare(
    "agent.waits", "An endpoint agent waits for approval",
    "A machine has joined with a token and waits for a decision.",
    group="Endpoint agents", permission=keys.MANAGE_SYSTEM,
)  # fmt: skip
CLONED = topics.declare(
    "agent.cloned", "The key of an endpoint agent is used twice",
    "Two machines speak with one key, or an old disk came back to life. Nothing is sent until somebody decides.",
    group="Endpoint agents", permission=keys.MANAGE_SYSTEM, channels=("page", "mail"), urgent=True,
)  # fmt: skip
AHEAD = topics.declare(
    "agent.ahead", "A device obeys a newer state than the portal knows",
    "The portal was restored from a backup. Nothing is asked of the device until somebody decides.",
    group="Endpoint agents", permission=keys.MANAGE_SYSTEM, channels=("page", "mail"),
)  # fmt: skip
SILENT = topics.declare(
    "agent.silent", "An endpoint agent fell silent",
    "Nothing was heard of it for a while. On a device with an open incident it is an alert as well.",
    group="Endpoint agents", permission=keys.MANAGE_SYSTEM,
)  # fmt: skip


def agent_changed(*, agent_id: int) -> None:
    """Listens to `agent.changed`: what somebody has to decide is told once."""
    agent = Agent.objects.light().filter(pk=agent_id).first()
    if agent is None:
        return
    if agent.state == AgentState.PENDING:
        _tell(agent, WAITS, f"{agent.name} waits for approval", "Compare its fingerprint with the one on the host.",
              f"{agent.pk}:{agent.enrolled_at.isoformat()}")  # fmt: skip
    if agent.cloned_at is not None:
        _tell(agent, CLONED, f"The key of {agent.name} is used twice", "Nothing is sent to it until somebody decides.",
              f"{agent.pk}:{agent.cloned_at.isoformat()}")  # fmt: skip
    if agent.ahead:
        _tell(agent, AHEAD, f"{agent.name} obeys a newer state than the portal knows",
              "It stays as it is, and nothing is asked of it, until somebody decides.",
              f"{agent.pk}:{agent.generation}")  # fmt: skip


def agent_silent(*, agent_id: int) -> None:
    """Listens to `agent.silent`."""
    agent = Agent.objects.light().filter(pk=agent_id).first()
    if agent is not None and agent.silent_since is not None:
        _tell(agent, SILENT, f"{agent.name} fell silent", f"Last heard {agent.silent_since:%Y-%m-%d %H:%M} UTC.",
              f"{agent.pk}:{agent.silent_since.isoformat()}")  # fmt: skip


def _tell(agent: Agent, topic: str, title: str, body: str, once: str) -> None:
    with transaction.atomic():
        tell(topic, subject=agent.thread, title=title[:200], body=body, url=f"/admin/agents/{agent.pk}/",
             device_group_ids=[agent.device_group_id], once=once, actor=LINE)  # fmt: skip
