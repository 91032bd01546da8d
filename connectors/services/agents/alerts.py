"""What detectors on devices found, handed to the part of the portal that keeps alerts."""

from collections.abc import Callable, Sequence
from typing import Any

from connectors.models import Agent

AT_ONCE = 200
# Stores what an agent found and answers the ids that it need not tell again.
Taker = Callable[[Agent, Sequence[dict[str, Any]]], list[str]]
_takers: list[Taker] = []


def take_with(taker: Taker) -> None:
    """Once, at `ready()` of the room that keeps alerts."""
    _takers.append(taker)


def take_alerts(agent_id: int, told: object) -> list[str]:
    """The ids that were taken; at most 200 at once, the others are told again."""
    found = [one for one in told if isinstance(one, dict)][:AT_ONCE] if isinstance(told, list) else []
    agent = Agent.objects.select_related("device_group").get(pk=agent_id)
    return [taken for taker in _takers for taken in taker(agent, found)] if found else []
