"""The strip above the queue: what arrived in the last 24 hours, and how long alerts wait."""

from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean, pstdev
from typing import Any

from django.core.cache import cache

from accounts.models import User
from core import clock
from incidents.models import Alert, Incident

SLOTS, WIDTH, HEIGHT, STEP = 96, 480, 28, 5
SECONDS = 15 * 60
KEPT_S = 30


@dataclass(frozen=True, slots=True)
class Strip:
    """`bars` are `{"x", "y", "height", "hot"}` in a box of 480 x 28."""

    alerts: int
    incidents: int
    lag: timedelta | None
    bars: list[dict[str, Any]]
    label: str


def strip_for(user: User) -> Strip:
    """Counts of what this person may see, kept for half a minute: the list is opened far more often."""
    key = f"queue-strip:{user.pk}"
    found: Strip | None = cache.get(key)
    if found is None:
        found = _measure(user)
        cache.set(key, found, KEPT_S)
    return found


def _measure(user: User) -> Strip:
    now = clock.now()
    last = int(now.timestamp()) // SECONDS * SECONDS
    first = last - (SLOTS - 1) * SECONDS
    since = now - timedelta(seconds=now.timestamp() - first)
    by_slot = Alert.objects.visible_to(user).arrived_by_interval(since, seconds=SECONDS)
    counts = [by_slot.get(first + place * SECONDS, 0) for place in range(SLOTS)]
    incidents = Incident.objects.visible_to(user).listed().filter(created__gte=since).counted()
    bars, rising = _bars(counts)
    label = f"Alerts per quarter of an hour, last 24 hours; {'unusually many lately' if rising else 'no unusual rise'}"
    return Strip(sum(counts), incidents, Alert.objects.lag(now), bars, label)


def _bars(counts: list[int]) -> tuple[list[dict[str, Any]], bool]:
    """Bars, and whether one of the last eight stands out of the day by three deviations."""
    top = max(counts) or 1
    usual = fmean(counts) + 3 * pstdev(counts)
    hot = [count > usual and count >= 5 for count in counts]
    bars = []
    for place, count in enumerate(counts):
        height = round(count / top * (HEIGHT - 2)) + 1 if count else 1
        bars.append({"x": place * STEP, "y": HEIGHT - height, "height": height, "hot": hot[place]})
    return bars, any(hot[-8:])
