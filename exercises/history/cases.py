"""Who met which story when: the plan of a quarter, the same for the same seed and the same end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from exercises.company import people
from exercises.history.story import Story, Teller
from exercises.history.true_stories import TRUE_STORIES
from exercises.sources.habits import NIGHT, OFFICE, Habit
from exercises.sources.noise import HABITS

# A few fall together: two bursts of one cause within a day are one incident.
CASES = 160
DAYS = 90
_ANALYSTS = [row[0] for row in people.rows(people.SECURITY_TEAM) if row[2] == "analyst"]
_RESPONDERS = [row[0] for row in people.rows(people.SECURITY_TEAM) if row[2] == "responder"]
# Median minutes until somebody takes it, and hours until it is closed, by severity.
_PACE = {"high": (6, 22), "medium": (17, 9), "low": (55, 6), "informational": (140, 5)}


@dataclass(frozen=True)
class Case:
    """One incident of the past: its story, its people and its clocks."""

    number: int
    story: Story
    start: datetime
    acknowledged: datetime
    acted: datetime
    resolved: datetime
    analyst: str
    responder: str

    @property
    def reviewed(self) -> datetime | None:
        """When the review was written, if the story has one."""
        return self.resolved + timedelta(days=1 + self.number % 9, hours=2) if self.story.report else None


def plan_cases(seed: int, end: datetime, count: int = CASES) -> list[Case]:
    """`count` cases in the 90 days before `end`, all of them closed by then."""
    rng = Random(seed)  # noqa: S311 - a play, not a secret
    tellers = list(_tellers(rng, count))
    latest = end - timedelta(days=2)
    starts = sorted(_start(rng, tell, latest) for tell in tellers)
    rng.shuffle(tellers)
    return [
        _case(Random(f"{seed}:{number}"), number, tell, start, end, f"{seed}:case-{number}")  # noqa: S311
        for number, (tell, start) in enumerate(zip(tellers, starts, strict=True))
    ]


def _tellers(rng: Random, count: int) -> Iterator[Teller]:
    true = [tell for often, tell in TRUE_STORIES for _ in range(often)][: count * 3 // 10]
    yield from true
    weights = [max(1.0, habit.daily**0.5) for habit in HABITS]
    for habit in rng.choices(HABITS, weights, k=count - len(true)):
        yield _noise(habit)


def _noise(habit: Habit) -> Teller:
    """A benign habit as a case: one scene of it, with what the analyst found."""

    def tell(rng: Random, start: datetime, key: str) -> Story:
        alerts = max(1, min(90, int(habit.daily / habit.scenes * rng.uniform(0.3, 0.8))))
        sightings = habit.burst(rng, start, alerts, key=key)
        classification, determination, words = habit.verdict
        return Story(
            habit.key,
            sightings[0].severity,
            classification,
            determination,
            tuple(sightings),
            (words,) if rng.random() < 0.6 else (),
            words,
            tags=("known cause",) if rng.random() < 0.3 else (),
        )

    return tell


def _start(rng: Random, _tell: Teller, latest: datetime) -> datetime:
    """A moment of the quarter, more often on working days and in office hours."""
    while True:
        day = latest - timedelta(days=rng.uniform(0, DAYS - 2))
        if day.weekday() >= 5 and rng.random() < 0.65:
            continue
        hour = rng.choices(range(24), [a + b / 3 + 0.5 for a, b in zip(OFFICE, NIGHT, strict=True)])[0]
        moment = day.replace(hour=hour, minute=rng.randrange(60), second=rng.randrange(60), microsecond=0)
        if moment < latest:
            return moment


def _case(rng: Random, number: int, tell: Teller, start: datetime, end: datetime, key: str) -> Case:
    story = tell(rng, start, key)
    seen = story.sightings[-1].at
    minutes, hours = _PACE[story.severity]
    at_night = 2.5 if start.hour < 6 else 1.0
    acknowledged = max(start, seen - timedelta(minutes=20)) + timedelta(
        minutes=minutes * rng.lognormvariate(0, 0.7) * at_night
    )
    acted = max(acknowledged, seen) + timedelta(minutes=4 + 9 * rng.lognormvariate(0, 0.6))
    resolved = acted + timedelta(hours=1 + hours * rng.lognormvariate(0, 0.5))
    return Case(
        number,
        story,
        start,
        acknowledged,
        acted,
        min(resolved, end - timedelta(hours=3)),
        _ANALYSTS[number % len(_ANALYSTS)],
        rng.choice(_RESPONDERS),
    )
