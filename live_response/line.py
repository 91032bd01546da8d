"""The line to the agents, as this room needs it. What stands behind it is chosen when the portal starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from core.actors import Actor
from core.blobs import Given
from incidents.models import Device
from live_response.models import LiveCommand

CONNECT = "live.connect"


@dataclass(frozen=True, slots=True)
class Seen:
    """The agent of a device. `cannot` says by action why it cannot; `away` says why nothing reaches it, empty when it
    is there."""

    agent_id: str
    away: str = ""
    cannot: Mapping[str, str] = field(default_factory=dict)
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """How an order stands. `state` is one of the words of `CommandState`; `said` are lines of output so far, each with
    its number; `moving` says that a file of it is on its way."""

    state: str
    result: Mapping[str, Any] = field(default_factory=dict)
    began: datetime | None = None
    percent: int | None = None
    said: Sequence[tuple[int, str]] = ()
    moving: bool = False


class Line(Protocol):
    def agent_of(self, device: Device) -> Seen | None:
        """The agent that works on the device; None without one."""

    def give(self, command: LiveCommand, *, expires: datetime, once: bool, reason: str) -> int:
        """Order it; the number of the order."""

    def cancel(self, order: int, *, actor: Actor) -> None:
        """Take the order back, or end it on the device."""

    def told(self, order: int) -> Told | None:
        """How the order stands; None when there is none of this number."""

    def fetch(self, order: int, sha256: str) -> Given | None:
        """A file that the agent sent for the order; `forget` it once it is kept."""

    def forget(self, order: int, sha256: str) -> None:
        """The file was taken over, or is of no use."""


class NoAgents:
    """Where no agent can join, none is on any device."""

    def agent_of(self, device: Device) -> Seen | None:
        return None

    def give(self, command: LiveCommand, *, expires: datetime, once: bool, reason: str) -> int:
        raise LookupError("No agent has joined this portal.")

    def cancel(self, order: int, *, actor: Actor) -> None:
        return None

    def told(self, order: int) -> Told | None:
        return None

    def fetch(self, order: int, sha256: str) -> Given | None:
        return None

    def forget(self, order: int, sha256: str) -> None:
        return None


_line: Line = NoAgents()


def use(line: Line) -> Line:
    """Let this line carry the orders from now on; answers the one that did."""
    global _line
    former, _line = _line, line
    return former


def line() -> Line:
    return _line
