"""What people chose to hear, by which channel, and when their quiet hours end."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from core import audit, clock
from core.actors import Actor
from notifications import topics
from notifications.enums import Channel, DigestRhythm
from notifications.models import Listening, Preference
from notifications.topics import Topic

Chosen = Mapping[tuple[int, str], bool]


def chosen_for(topic: str, people: Iterable[User] | None = None) -> Chosen:
    """(person, channel) -> what that person chose for the topic."""
    rows = Preference.objects.filter(topic=topic)
    if people is not None:
        rows = rows.filter(user__in=people)
    return {(user, channel): wanted for user, channel, wanted in rows.values_list("user_id", "channel", "wanted")}


def wants(user: User, topic: Topic, channel: Channel, chosen: Chosen, listening: Listening | None) -> bool:
    """A choice counts, else the topic's default; a digest has by default what the portal shows, once it is ordered."""
    if channel == Channel.DIGEST and (listening is None or listening.digest == DigestRhythm.NEVER):
        return False
    default = Channel.PAGE if channel == Channel.DIGEST else channel
    return chosen.get((user.pk, channel), default in topic.channels)


def choose(user: User, *, wanted: Mapping[tuple[str, str], bool], actor: Actor) -> None:
    """Keep what this person ticked: `{(topic, channel): bool}`; topics that are not for them are left alone."""
    known = {topic.key for topic in topics.declared() if topic.is_for(user)}
    rows = [
        Preference(user=user, topic=topic, channel=Channel(channel), wanted=flag)
        for (topic, channel), flag in wanted.items()
        if topic in known
    ]
    with transaction.atomic():
        Preference.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["user", "topic", "channel"], update_fields=["wanted"]
        )
        audit.record("person.notifications_chosen", subject=f"user:{user.pk}", actor=actor,
                     data={f"{row.topic} {row.channel}": row.wanted for row in rows})  # fmt: skip


def listen(user: User, *, changes: Mapping[str, object], actor: Actor) -> Listening:
    """Set quiet hours and digest."""
    with transaction.atomic():
        row, _ = Listening.objects.select_for_update().get_or_create(
            user=user, defaults={"time_zone": user.time_zone or "UTC"}
        )
        before = {name: getattr(row, name) for name in changes}
        for name, value in changes.items():
            setattr(row, name, value)
        row.digest_due = next_digest(row, after=clock.real_now())
        row.save()
        changed = {name: (str(before[name]), str(value)) for name, value in changes.items() if before[name] != value}
        if changed:
            audit.record("person.listening", subject=f"user:{user.pk}", actor=actor, changes=changed)
    return row


def quiet_until(row: Listening | None, *, now: datetime) -> datetime | None:
    """The end of the quiet hours that `now` lies in; None outside of them. Hours are those of the person's zone, and
    may go past midnight."""
    if row is None or row.quiet_from is None or row.quiet_to is None or row.quiet_from == row.quiet_to:
        return None
    local = now.astimezone(row.zone)
    past_midnight = row.quiet_from > row.quiet_to
    for days in (-1, 0):
        day = (local + timedelta(days=days)).date()
        start = datetime.combine(day, row.quiet_from, row.zone)
        end = datetime.combine(day + timedelta(days=int(past_midnight)), row.quiet_to, row.zone)
        if start <= local < end:
            return end
    return None


def next_digest(row: Listening, *, after: datetime) -> datetime | None:
    """When the next digest is due; None when none is wanted."""
    if row.digest == DigestRhythm.NEVER:
        return None
    local = after.astimezone(row.zone)
    due = local.replace(hour=row.digest_hour, minute=0, second=0, microsecond=0)
    while due <= local or (row.digest == DigestRhythm.WEEKLY and due.weekday() != int(row.digest_day)):
        due = (due + timedelta(days=1)).replace(hour=row.digest_hour)
    return due
