"""What an order did to a simulated target, and what is seen of it."""

from dataclasses import dataclass, field
from typing import Any

State = dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """`effects` is 1 when something was changed, `token` what the inverse needs, `report` a file's content."""

    standing: str = "done"
    message: str = ""
    effects: int = 1
    token: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a facet shows: the word, what narrows it, how it was read."""

    value: str
    method: str
    attributes: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)
