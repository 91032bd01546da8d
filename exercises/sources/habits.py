"""The ordinary noise of the company: who or what raises benign alerts, how often, and at which hours.

A habit is played as scenes: one scene is about one machine or person, as a scanner, a job or a telephone with an
old password is, and raises many alerts that mean one thing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from exercises.sources.sighting import Sighting

# Share of a day's events by hour, for people at desks, for machines at night, and for the internet at any time.
OFFICE = (0, 0, 0, 0, 0, 1, 3, 7, 10, 11, 10, 8, 6, 9, 10, 9, 7, 4, 2, 1, 1, 0, 0, 0)
NIGHT = (9, 10, 10, 9, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 7, 9)
ALWAYS = (4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 4, 4, 4, 4, 4, 4, 4, 4)

Cast = Callable[[Random], Sighting]
Vary = Callable[[Random, Sighting], Sighting]


def unchanged(_rng: Random, sighting: Sighting) -> Sighting:
    return sighting


@dataclass(frozen=True)
class Habit:
    """One benign cause of alerts.

    `daily` alerts in `scenes` scenes on a working day, `weekend` times that on Saturday and Sunday. `cast` chooses
    who or what a scene is about, `vary` changes one alert from the next. `verdict` is what an analyst finds, as
    (classification, determination, words). `look_alike` names the attack it is easily taken for.
    """

    key: str
    daily: int
    hours: tuple[int, ...]
    cast: Cast
    verdict: tuple[str, str, str]
    vary: Vary = unchanged
    scenes: int = 1
    weekend: float = 1.0
    look_alike: str = ""

    def scene(self, rng: Random, moments: list[datetime], *, key: str) -> list[Sighting]:
        """One scene: an alert for each moment."""
        template = self.cast(rng)
        return [
            replace(self.vary(rng, template), at=moment, key=f"{key}:{number}") for number, moment in enumerate(moments)
        ]

    def burst(self, rng: Random, start: datetime, count: int, *, key: str) -> list[Sighting]:
        """One scene of so many alerts that begins at `start` and goes on for some hours."""
        gaps = [rng.expovariate(1.0) for _ in range(count - 1)]
        length = timedelta(minutes=rng.uniform(20, 200))
        scale = length / (sum(gaps) or 1)
        moments = [start]
        for gap in gaps:
            moments.append(moments[-1] + gap * scale)
        return self.scene(rng, moments, key=key)


def moments_of(habit: Habit, rng: Random, start: datetime, end: datetime) -> Iterator[datetime]:
    """When the habit shows between two times, with the rhythm of the day and the week."""
    whole = sum(habit.hours)
    hour = start.replace(minute=0, second=0, microsecond=0)
    while hour < end:
        expected = habit.daily * habit.hours[hour.hour] / whole * (habit.weekend if hour.weekday() >= 5 else 1.0)
        count = int(expected) + (rng.random() < expected % 1)
        for second in sorted(rng.uniform(0, 3600) for _ in range(count)):
            moment = hour + timedelta(seconds=second)
            if start <= moment < end:
                yield moment
        hour += timedelta(hours=1)


def play(habits: list[Habit], rng: Random, start: datetime, end: datetime, *, key: str) -> list[Sighting]:
    """What all habits raise between two times, in the order of time."""
    found: list[Sighting] = []
    for habit in habits:
        shares: list[list[datetime]] = [[] for _ in range(habit.scenes)]
        for moment in moments_of(habit, rng, start, end):
            shares[rng.randrange(habit.scenes)].append(moment)
        for number, moments in enumerate(shares):
            if moments:
                found.extend(habit.scene(rng, moments, key=f"{key}:{habit.key}:{number}"))
    return sorted(found, key=lambda one: one.at)
