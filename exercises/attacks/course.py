"""What every attack has in common: its place in the play, and the view it has of the company."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from exercises.sources.sighting import Letter, Program, Sighting


class Surroundings(Protocol):
    """The company as an attacker finds it: asked before each step, never remembered."""

    def is_isolated(self, machine: str) -> bool: ...

    def is_online(self, machine: str) -> bool: ...

    def is_disabled(self, account: str) -> bool: ...

    def is_quarantined(self, program: Program, machine: str) -> bool: ...

    def has_letter(self, letter: Letter, address: str) -> bool: ...


@dataclass
class Course:
    """How far one attack has come; kept as JSON between two looks.

    `step` counts what was tried, so that every alert has a key of its own and a repeated step is the same alert.
    `due` is when the attacker tries the next thing. `over` says in words why nothing more will come.
    """

    due: datetime
    step: int = 0
    denied: int = 0
    over: str = ""
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "due": self.due.isoformat(),
            "step": self.step,
            "denied": self.denied,
            "over": self.over,
            "hosts": self.hosts,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Course":
        return cls(datetime.fromisoformat(data["due"]), data["step"], data["denied"], data["over"], data["hosts"])


class Attack(Protocol):
    """One scripted attack."""

    @property
    def key(self) -> str: ...

    @property
    def title(self) -> str: ...

    def opening(self, now: datetime, *, prefix: str) -> tuple[list[Sighting], Course]:
        """What has already happened when the play begins, oldest first, and where the attacker stands."""

    def advance(self, course: Course, around: Surroundings, now: datetime, *, prefix: str) -> list[Sighting]:
        """What happens until `now`; the course is brought up to date."""


def ago(now: datetime, minutes: float) -> datetime:
    return now - timedelta(minutes=minutes)
