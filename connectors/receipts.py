"""What the remote side needs to take something back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Receipt:
    """Given when an order has had its effect, handed back when it is reversed.

    `key` is the idempotency key of the order; `token` is whatever the kind wrote down while doing it (a quarantine
    item, the folder a message lay in). An empty token means that the inverse needs nothing.
    """

    key: str
    action: str
    token: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "action": self.action, "token": dict(self.token)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Receipt":
        return cls(str(data["key"]), str(data["action"]), dict(data.get("token") or {}))
