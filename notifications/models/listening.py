from zoneinfo import ZoneInfo

from django.db import models

from core import clock
from notifications.enums import Channel, DigestRhythm, Weekday


class Listening(models.Model):
    """How a person wants to be told: quiet hours, in which mail is held, and the digest."""

    user = models.OneToOneField("accounts.User", models.CASCADE, related_name="listening")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    urgent_breaks_through = models.BooleanField(default=True)
    digest = models.CharField(max_length=8, choices=DigestRhythm.choices, default=DigestRhythm.NEVER)
    digest_hour = models.PositiveSmallIntegerField(default=8)
    digest_day = models.CharField(max_length=1, choices=Weekday.choices, default=Weekday.MONDAY)
    digest_due = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.user}"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class Preference(models.Model):
    """Whether a person hears of a topic by a channel; without a row the topic's own default holds."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="notification_preferences")
    topic = models.CharField(max_length=80)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    wanted = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "topic", "channel"], name="preference_once")]

    def __str__(self) -> str:
        return f"{self.topic} by {self.channel}"


class DigestItem(models.Model):
    """A message that waits for a person's next digest."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    message = models.ForeignKey("notifications.Message", models.CASCADE, related_name="+")
    dispatch = models.ForeignKey("notifications.Dispatch", models.CASCADE, null=True, related_name="items")
    created = models.DateTimeField(default=clock.real_now)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["user", "message"], name="digest_item_once")]

    def __str__(self) -> str:
        return f"{self.message}"


class Watch(models.Model):
    """A person follows a subject such as `incident:42` without owning it."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="watches")
    subject = models.CharField(max_length=80, db_index=True)
    created = models.DateTimeField(default=clock.real_now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "subject"], name="watch_once")]

    def __str__(self) -> str:
        return self.subject
