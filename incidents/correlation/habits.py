"""What is ordinary in this house: how often alerts of each kind come, and so how near two must be to mean something.

Alerts of one kind have the same source, the same detector or title (numbers aside) and the same severity. An alert that
comes to every machine every day proves nothing about what else happened there that day; one that comes once a year
does. So each alert has a reach: the time within which, by chance alone, another alert that is as rare and as grave
would come to the same machine with the probability `chance`. Two alerts about one machine or account belong together
when each lies within the reach of the other.

The counts come from the newest alerts, whether they are correlated or wait, so they depend neither on the order of
arrival nor on what was joined.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Any

from django.db import connection

from core import clock
from incidents.correlation.rules import Limits
from incidents.enums import SEVERITY_RANK
from incidents.models import KnownHabits

# So many of the newest alerts are counted.
SAMPLE = 100_000
# Many alerts of a kind within an hour are one deed.
MOST_AN_HOUR = 5
MOST_KINDS = 5_000
# So many quiet machine-days are taken for granted as long as little is known.
GRANTED = 1000.0
# Alerts that came since, by which the counts are made anew.
RECOUNT_SHARE, RECOUNT_LEAST = 0.1, 200
_NUMBERS = re.compile(r"[0-9]+")


@lru_cache(maxsize=16384)
def plain_title(title: str) -> str:
    """Letter case and numbers aside."""
    return _NUMBERS.sub("#", title.lower())


@dataclass(slots=True)
class _House:
    """The counts of one exercise, or of the real alerts."""

    machine_days: float = GRANTED
    account_days: float = GRANTED
    detectors: dict[tuple[str, str, int], int] = field(default_factory=lambda: defaultdict(int))
    titles: dict[tuple[str, str, int], int] = field(default_factory=lambda: defaultdict(int))
    # By rank: how often the kinds of at least that rank fire, and the sums of them.
    steps: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)

    def episodes(self, source: str, detector: str, title: str, rank: int) -> int:
        by_detector = self.detectors.get((source, detector, rank), 0) if detector else 0
        return max(by_detector, self.titles.get((source, plain_title(title), rank), 0), 1)

    def company(self, episodes: int, rank: int) -> int:
        """How many alerts are at least as rare and as grave."""
        counts, sums = self.steps.get(rank, ([], []))
        place = bisect_right(counts, episodes)
        return max(1, sums[place - 1]) if place else 1


@dataclass(slots=True)
class Habits:
    """`reach_of` and `is_ordinary` answer for any alert; both are remembered by its kind."""

    chance: float = 0.005
    ordinary_below: timedelta = timedelta()
    houses: dict[str, _House] = field(default_factory=dict)
    _known: dict[tuple[str, str, str, str, int], tuple[timedelta, timedelta]] = field(default_factory=dict)

    def reaches(self, exercise: str, source: str, detector: str, title: str, rank: int) -> tuple[timedelta, timedelta]:
        """How far the alert reaches on a machine, and for an account."""
        kind = (exercise, source, detector, title, rank)
        found = self._known.get(kind)
        if found is None:
            house = self.houses.get(exercise) or _House()
            company = house.company(house.episodes(source, detector, title, rank), rank)
            found = self._known[kind] = self.reaches_among(exercise, company)
        return found

    def reaches_among(self, exercise: str, company: int) -> tuple[timedelta, timedelta]:
        """How far something reaches on a machine and for an account, of which so many came in the time that is
        known."""
        house = self.houses.get(exercise) or _House()
        return self._reach(house.machine_days, company), self._reach(house.account_days, company)

    def _reach(self, days: float, company: int) -> timedelta:
        return timedelta(days=min(999.0, self.chance * days / (2 * company)))

    def is_ordinary(self, exercise: str, source: str, detector: str, title: str, rank: int) -> bool:
        return self.reaches(exercise, source, detector, title, rank)[0] < self.ordinary_below


_COUNT = f"""
WITH newest AS (
    SELECT exercise, source, detector_id, lower(regexp_replace(title, '[0-9]+', '#', 'g')) AS title, severity,
           date_trunc('hour', last_activity) AS hour
    FROM incidents_alert WHERE id > %s ORDER BY id DESC LIMIT {SAMPLE}
), hourly AS (
    SELECT exercise, source, detector_id, title, severity, least(count(*), {MOST_AN_HOUR}) AS episodes
    FROM newest GROUP BY exercise, source, detector_id, title, severity, hour
)
SELECT exercise, source, detector_id, title, severity, sum(episodes)::int
FROM hourly GROUP BY 1, 2, 3, 4, 5
"""


def habits_in_force(limits: Limits, *, keep: bool = False) -> Habits:
    """The counts as they are kept, or made anew when a tenth more alerts have come since; `keep` stores what was made
    anew, which only the lane does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM incidents_alert")
        newest = int(cursor.fetchone()[0])
    row = KnownHabits.objects.order_by("-id").first()
    up_to = row.up_to_alert if row else 0
    if row is not None and 0 <= newest - up_to <= max(RECOUNT_LEAST, int(up_to * RECOUNT_SHARE)):
        return _habits_of(row.table, limits)
    table = count_habits(newest)
    if keep:
        kept = row or KnownHabits()
        kept.up_to_alert, kept.table, kept.counted = newest, table, clock.now()
        kept.save()
    return _habits_of(table, limits)


def fresh_habits(limits: Limits) -> Habits:
    """Counted now; nothing is kept."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM incidents_alert")
        return _habits_of(count_habits(int(cursor.fetchone()[0])), limits)


def count_habits(newest: int) -> dict[str, Any]:
    """The table of `KnownHabits`, from the newest alerts."""
    table: dict[str, Any] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT exercise, count(DISTINCT last_activity::date) FROM (SELECT exercise, last_activity FROM "
            f"incidents_alert WHERE id > %s ORDER BY id DESC LIMIT {SAMPLE}) newest GROUP BY 1",
            [newest - 4 * SAMPLE],
        )
        for exercise, days in cursor.fetchall():
            table[exercise] = {"days": days, "machines": 0, "accounts": 0, "rest": 0, "kinds": []}
        for name, source in (("machines", "incidents_device"), ("accounts", "incidents_identity")):
            cursor.execute(f"SELECT exercise, count(*) FROM {source} GROUP BY 1")
            for exercise, count in cursor.fetchall():
                if exercise in table:
                    table[exercise][name] = count
        cursor.execute(_COUNT, [newest - 4 * SAMPLE])
        for exercise, source, detector, title, severity, episodes in cursor.fetchall():
            table[exercise]["kinds"].append([source, detector, title, SEVERITY_RANK[severity], episodes])
    for house in table.values():
        house["kinds"].sort(key=lambda kind: (-kind[4], kind[:4]))
        house["rest"] = sum(kind[4] for kind in house["kinds"][MOST_KINDS:])
        del house["kinds"][MOST_KINDS:]
    return table


def _habits_of(table: dict[str, Any], limits: Limits) -> Habits:
    houses = {exercise: _house_of(stored) for exercise, stored in table.items()}
    return Habits(limits.chance_permille / 1000, timedelta(minutes=limits.ordinary_minutes), houses)


def _house_of(stored: dict[str, Any]) -> _House:
    days = max(1, stored["days"])
    house = _House(GRANTED + days * stored["machines"], GRANTED + days * stored["accounts"])
    kinds: Sequence[Sequence[Any]] = stored["kinds"]
    for source, detector, title, rank, episodes in kinds:
        house.detectors[source, detector, rank] += episodes
        house.titles[source, title, rank] += episodes
    counted = [
        (house.episodes(source, detector, title, rank), rank, episodes)
        for source, detector, title, rank, episodes in kinds
    ]
    counted.append((1, 0, stored["rest"]))
    for least in range(6):
        house.steps[least] = _steps(counted, least)
    return house


def _steps(counted: Iterable[tuple[int, int, int]], least: int) -> tuple[list[int], list[int]]:
    by_count: dict[int, int] = defaultdict(int)
    for count, rank, episodes in counted:
        if rank >= least:
            by_count[count] += episodes
    counts = sorted(by_count)
    return counts, list(accumulate(by_count[count] for count in counts))
