"""Files that go to devices: a device gets those alone that an open order of its own names."""

from collections.abc import Callable

from connectors.enums import OrderState
from connectors.models import Agent, AgentOrder
from core.models import Blob

# Answers the file of this SHA-256, or None.
Shelf = Callable[[str], Blob | None]
_shelves: list[Shelf] = []


def lend_from(shelf: Shelf) -> None:
    """Once, at `ready()` of the room that keeps files for devices."""
    _shelves.append(shelf)


def file_for(agent: Agent, sha256: str) -> Blob | None:
    named = AgentOrder.objects.filter(agent=agent, state=OrderState.HANDED, arguments__library=sha256)
    if not named.exists():
        return None
    return next((file for shelf in _shelves if (file := shelf(sha256)) is not None), None)
