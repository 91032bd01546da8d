"""The benign alerts of the days around the beginning of a play, the same whenever they are asked for."""

from datetime import datetime, timedelta
from random import Random

from exercises.sources.habits import play
from exercises.sources.noise import HABITS
from exercises.sources.sighting import Sighting

DAY = timedelta(days=1)


def noise_between(seed: int, anchor: datetime, since: datetime, until: datetime) -> list[Sighting]:
    """What the habits raise from `since` on, up to but not at `until`. Days are counted from the anchor."""
    found: list[Sighting] = []
    number = (since - anchor) // DAY
    while anchor + number * DAY < until:
        start = anchor + number * DAY
        key = f"{seed}:day{number}"
        found += play(HABITS, Random(key), start, start + DAY, key=key)  # noqa: S311 - a play, not a secret
        number += 1
    return [one for one in found if since <= one.at < until]
