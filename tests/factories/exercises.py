"""The demo company and its attackers, for tests."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.models import Connection
from core import clock
from exercises.keys import DEMO, DIRECTOR
from exercises.lifecycle import EXERCISE_STATE, PLAYING
from exercises.models import Exercise
from exercises.services.attack import open_attacks
from exercises.services.lay_company import lay_company
from exercises.services.simulated_world import lay_world
from exercises.sources.sighting import Letter, Program

SEED = 7
MOMENT = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)


@dataclass
class Company:
    """The company as a test wants its attackers to find it: nothing is held back unless it is named here."""

    isolated: set[str] = field(default_factory=set)
    offline: set[str] = field(default_factory=lambda: {"SAL-LT-007"})
    disabled: set[str] = field(default_factory=set)
    quarantined: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    def is_isolated(self, machine: str) -> bool:
        return machine in self.isolated

    def is_online(self, machine: str) -> bool:
        return machine not in self.offline

    def is_disabled(self, account: str) -> bool:
        return account in self.disabled

    def is_quarantined(self, program: Program, machine: str) -> bool:
        return machine in self.quarantined

    def has_letter(self, letter: Letter, address: str) -> bool:
        return letter.subject not in self.removed


def lay_demo(*, anchor: datetime | None = None) -> tuple[Exercise, Connection]:
    """The company without any alert, ready to be attacked."""
    now = anchor or clock.now()
    connection = lay_world(actor=DIRECTOR)
    lay_company(connection, now=now, actor=DIRECTOR)
    exercise = Exercise.objects.create(key=DEMO, seed=SEED, plan={"anchor": now.isoformat()})
    EXERCISE_STATE.move(exercise, PLAYING, actor=DIRECTOR)
    return exercise, connection


def open_demo(*, anchor: datetime | None = None) -> tuple[Exercise, Connection]:
    """The company with its three attacks under way."""
    now = anchor or clock.now()
    exercise, connection = lay_demo(anchor=now)
    open_attacks(exercise, connection, anchor=now)
    return exercise, connection
