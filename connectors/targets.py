"""What an order is aimed at: exactly one remote object."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """One object at the remote side. `kind` is device, identity or mailbox; `name` is for log lines only."""

    kind: str
    remote_id: str
    name: str = ""

    def __str__(self) -> str:
        return self.name or self.remote_id


@dataclass(frozen=True, slots=True)
class KnownTarget:
    """A target that an imitated remote side is to hold, as the portal knows it: `files` is key -> name of what was seen
    on a device, `messages` is message id -> subject of what was seen in a mailbox."""

    kind: str
    remote_id: str
    name: str
    files: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
