"""One lab for each connector kind: a remote side that the contract test can put into every situation.

Adding a kind means adding `labs/<kind>.py` with a `LAB`; the contract test finds it by the kind's key.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from connectors.models import Connection
from connectors.ports import Capability, Request
from connectors.receipts import Receipt
from connectors.targets import Target


@dataclass(frozen=True, slots=True)
class Case:
    """One action on a target that is ready for it, and what must be observed before and after."""

    action: str
    target: Target
    arguments: dict[str, Any]
    facet: str
    facet_key: str
    before: str
    after: str
    inverse: str = ""


class Lab(Protocol):
    def connection(self) -> Connection: ...

    def case(self, connection: Connection, capability: Capability) -> Case:
        """A fresh target on which the capability makes a visible difference."""
        ...

    def expect(self, connection: Connection, request: Request, receipt: Receipt | None) -> None:
        """What the portal has written down before it hands the order over, where the remote side asks for it."""
        ...

    def go_on(self, connection: Connection) -> None:
        """Let the remote side do what its time allows, where nothing else drives it."""
        ...

    def be(self, connection: Connection, case: Case, situation: str) -> None:
        """Put the remote side into a situation: offline, online, unavailable_once, loses_answer_once, slow,
        unobservable."""
        ...

    def effects(self, connection: Connection, key: str) -> int:
        """How often the order changed anything."""
        ...

    def slow_by(self) -> timedelta:
        """How far to move the clock until a slow order has ended."""
        ...
