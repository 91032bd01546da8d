"""Time that counts: around the clock, or the hours in which a team works."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
# A target of 10,000 hours in days of one hour ends within this many days.
MOST_DAYS = 15_000


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working hours of each day in `zone`; `weekend` counts Saturday and Sunday too. Hours are whole, 0 to 24."""

    zone: ZoneInfo
    begins: int = 8
    ends: int = 18
    weekend: bool = False

    def end_of(self, start: datetime, span: timedelta) -> datetime:
        """When `span` of working time has passed since `start`."""
        left = span
        for opens, closes in self._windows(start):
            begin = max(opens, start)
            if closes - begin >= left:
                return begin + left
            left -= closes - begin
        return start + span

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between two moments."""
        total = timedelta(0)
        for opens, closes in self._windows(start):
            if opens >= end:
                break
            total += min(closes, end) - max(opens, start)
        return total

    def covers(self, moment: datetime) -> bool:
        opens, closes = next(self._windows(moment))
        return opens <= moment < closes

    def _windows(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The working times that end after `start`, in UTC."""
        day = start.astimezone(self.zone).date()
        for place in range(MOST_DAYS):
            found = self._window(day + place * ONE_DAY)
            if found and found[1] > start:
                yield found

    def _window(self, day: date) -> tuple[datetime, datetime] | None:
        if day.weekday() >= 5 and not self.weekend:
            return None
        midnight = datetime.combine(day, time(), self.zone)
        opens = midnight.replace(hour=self.begins) if self.begins < 24 else _next_midnight(midnight)
        closes = midnight.replace(hour=self.ends) if self.ends < 24 else _next_midnight(midnight)
        return (opens.astimezone(UTC), closes.astimezone(UTC)) if opens < closes else None


def _next_midnight(midnight: datetime) -> datetime:
    return datetime.combine(midnight.date() + ONE_DAY, time(), midnight.tzinfo)


@dataclass(frozen=True, slots=True)
class AroundTheClock:
    """Every second counts."""

    def end_of(self, start: datetime, span: timedelta) -> datetime:
        return start + span

    def between(self, start: datetime, end: datetime) -> timedelta:
        return max(timedelta(0), end - start)

    def covers(self, moment: datetime) -> bool:
        return True


ALWAYS = AroundTheClock()
