"""What an order is aimed at: exactly one remote object."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """One object at the remote side. `kind` is device, identity or mailbox; `name` is for log lines only."""

    kind: str
    remote_id: str
    name: str = ""

    def __str__(self) -> str:
        return self.name or self.remote_id
