"""A span of time, the one before it, and its parts for a chart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

from django.db.models.functions import Trunc

from core import clock
from core.wording import MONTHS

# word -> (label, days back, parts)
SPANS: Mapping[str, tuple[str, int, str]] = {
    "day": ("Day", 1, "hour"),
    "week": ("Week", 7, "day"),
    "month": ("Month", 30, "day"),
    "quarter": ("Quarter", 90, "week"),
}
CUSTOM, DEFAULT = "custom", "month"
LONGEST = timedelta(days=3660)
ONE_DAY = timedelta(days=1)
MOST_PARTS = 160


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to, not including, `until`; both UTC. `word` is how it was chosen."""

    word: str
    since: datetime
    until: datetime
    zone: tzinfo
    step: str

    @property
    def before(self) -> "Period":
        """The span of the same length that ends where this one begins."""
        return Period(CUSTOM, self.since - (self.until - self.since), self.since, self.zone, self.step)

    @property
    def span(self) -> dict[str, str]:
        """For an address that always means exactly this span."""
        return {"since": _text(self.since), "until": _text(self.until)}

    @property
    def address(self) -> str:
        if self.word in SPANS:
            return urlencode({"period": self.word})
        return urlencode(self.span)

    @property
    def first_day(self) -> str:
        return self.since.astimezone(self.zone).date().isoformat()

    @property
    def last_day(self) -> str:
        return (self.until - timedelta(microseconds=1)).astimezone(self.zone).date().isoformat()

    @property
    def in_words(self) -> str:
        """`24 Oct to 22 Nov 2026`"""
        first = self.since.astimezone(self.zone)
        last = (self.until - timedelta(microseconds=1)).astimezone(self.zone)
        year = f" {first.year}" if first.year != last.year else ""
        if first.date() == last.date():
            return _day(last)
        return f"{first.day} {MONTHS[first.month - 1]}{year} to {_day(last)}"

    @property
    def length_in_words(self) -> str:
        days = round((self.until - self.since) / ONE_DAY)
        return f"{days} days" if days > 1 else "24 hours"

    def trunc(self, column: str) -> Trunc:
        """The beginning of the part that a time lies in."""
        return Trunc(column, self.step, tzinfo=self.zone)

    def parts(self) -> list[datetime]:
        """The beginnings of all parts, in the zone of the reader."""
        found: list[datetime] = []
        moment = self.start_of(self.since)
        while moment < self.until and len(found) < MOST_PARTS:
            found.append(moment)
            moment = self.following(moment)
        return found

    def start_of(self, moment: datetime) -> datetime:
        local = moment.astimezone(self.zone)
        if self.step == "hour":
            return local.replace(minute=0, second=0, microsecond=0)
        day = local.date()
        if self.step == "week":
            day -= timedelta(days=day.weekday())
        elif self.step == "month":
            day = day.replace(day=1)
        return datetime.combine(day, time(), self.zone)

    def following(self, moment: datetime) -> datetime:
        """The beginning of the next part; days are those of the calendar, however many hours they have."""
        if self.step == "hour":
            return (moment.astimezone(UTC) + timedelta(hours=1)).astimezone(self.zone)
        days = {"day": 1, "week": 7, "month": 32}[self.step]
        return self.start_of(datetime.combine(moment.date() + timedelta(days=days), time(), self.zone))

    def part_in_words(self, moment: datetime) -> str:
        if self.step == "hour":
            return f"{moment:%H:%M}"
        if self.step == "month":
            return f"{MONTHS[moment.month - 1]} {moment.year}"
        return f"{moment.day} {MONTHS[moment.month - 1]}"


def read_period(params: Mapping[str, Any], *, zone: tzinfo) -> Period:
    """Of `?period=week`, of exact times `since` and `until`, or of days `from` and `to` (both included). Nonsense is
    the last month."""
    now = clock.now()
    exact = _exact(params)
    if exact is None and (params.get("from") or params.get("to")):
        exact = _days(params, zone, now)
    if exact is not None:
        since, until = exact
        return Period(CUSTOM, since, until, zone, _step(until - since))
    word = str(params.get("period", DEFAULT))
    word = word if word in SPANS else DEFAULT
    _, days, step = SPANS[word]
    return Period(word, now - timedelta(days=days), now, zone, step)


def _exact(params: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    since, until = _moment(params.get("since")), _moment(params.get("until"))
    return (since, until) if since and until and timedelta(0) < until - since <= LONGEST else None


def _days(params: Mapping[str, Any], zone: tzinfo, now: datetime) -> tuple[datetime, datetime] | None:
    first, last = _midnight(params.get("from"), zone), _midnight(params.get("to"), zone)
    until = datetime.combine(last.date() + ONE_DAY, time(), zone).astimezone(UTC) if last else now
    since = first.astimezone(UTC) if first else until - timedelta(days=30)
    return (since, until) if timedelta(0) < until - since <= LONGEST else None


def _midnight(text: Any, zone: tzinfo) -> datetime | None:
    try:
        day = datetime.fromisoformat(str(text)[:10]).date()
    except ValueError:
        return None
    return datetime.combine(day, time(), zone) if 1980 <= day.year <= 2200 else None


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    found = clock.as_utc(moment) if moment.tzinfo else None
    return found if found and 1980 <= found.year <= 2200 else None


def _step(length: timedelta) -> str:
    if length <= timedelta(days=2):
        return "hour"
    if length <= timedelta(days=62):
        return "day"
    return "week" if length <= timedelta(days=400) else "month"


def _day(moment: datetime) -> str:
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
