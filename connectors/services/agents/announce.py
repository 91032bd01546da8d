"""Telling open pages that something about an agent is new."""

from connectors.models import Agent
from core import live

TOPIC = "agent.changed"


def announce(agent: Agent) -> None:
    """To people who see its device group, once the current transaction has committed."""
    live.publish(TOPIC, agent.pk, groups=[agent.device_group_id])
