from datetime import timedelta

from django.db import models

from core import clock

# A gap within this is nobody's alarm.
LEAST = timedelta(minutes=15)
MARGIN = 1.5
# Until it is known for this long and was heard this often, it has no rhythm of its own.
KNOWN_FOR, KNOWN_BEATS = timedelta(hours=24), 10
REMEMBERED_DAYS = 14


class Pulse(models.Model):
    """Something that ought to be heard from again and again, such as a feed of alerts or a connection.

    `longest` is `{"2026-11-22": seconds}`: the longest silence of each of the last 14 days. Its usual rhythm is the
    longest of them, so that nights and weekends of a feed are no alarm. A silence that was an alarm is not learned.
    """

    key = models.CharField(max_length=200, unique=True)
    label = models.CharField(max_length=120)
    detail = models.CharField(max_length=200, blank=True)
    first_at = models.DateTimeField(default=clock.real_now)
    last_at = models.DateTimeField(default=clock.real_now)
    beats = models.PositiveIntegerField(default=1)
    longest = models.JSONField(default=dict)
    limit_minutes = models.PositiveIntegerField(null=True, help_text="Set by an administrator; else its own rhythm.")
    watched = models.BooleanField(default=True)
    paused = models.BooleanField(default=False, db_default=False, help_text="It is switched off, so it may be silent.")
    failing = models.CharField(max_length=300, blank=True, db_default="", help_text="Why its check failed last.")
    silent_since = models.DateTimeField(null=True, help_text="The alarm was raised.")

    class Meta:
        ordering = ["label", "id"]

    def __str__(self) -> str:
        return self.label

    @property
    def usual(self) -> timedelta | None:
        """The longest silence that is usual; None while it is not known long enough."""
        if self.last_at - self.first_at < KNOWN_FOR or self.beats < KNOWN_BEATS or not self.longest:
            return None
        return timedelta(seconds=max(self.longest.values()))

    @property
    def allowed(self) -> timedelta | None:
        """After which silence the alarm is raised; None for never."""
        if not self.watched or self.paused:
            return None
        if self.limit_minutes is not None:
            return timedelta(minutes=self.limit_minutes)
        return None if self.usual is None else max(LEAST, self.usual * MARGIN)

    @property
    def silence(self) -> timedelta:
        return clock.real_now() - self.last_at
