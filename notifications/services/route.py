"""From a message to the people who hear it: each asked for right, scope and subject, each in words they may read."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from accounts.models import User
from core import clock, live
from core.actors import Actor
from notifications import audiences, topics
from notifications.enums import Channel
from notifications.models import Message, Notice

logger = logging.getLogger(__name__)
MAX_BACKOFF = timedelta(minutes=10)
BODY_LINES = 5000


@dataclass(frozen=True, slots=True)
class Wording:
    """What one person may read of a message."""

    title: str
    body: str
    whole: bool


def route_due(limit: int = 200) -> int:
    """Route what waits, one transaction each; returns how many were finished."""
    finished = 0
    for _ in range(limit):
        outcome = _route_next()
        if outcome is None:
            break
        finished += outcome
    return finished


def _route_next() -> int | None:
    with transaction.atomic():
        waiting = Message.objects.select_for_update(skip_locked=True).filter(routed_at=None, due__lte=clock.real_now())
        message = waiting.order_by("due", "id").first()
        if message is None:
            return None
        try:
            with transaction.atomic():
                route_message(message, actor=Actor.from_json(message.actor))
            message.routed_at = clock.real_now()
        except Exception as error:
            message.attempts += 1
            message.last_error = type(error).__name__[:300]
            message.due = clock.real_now() + min(MAX_BACKOFF, timedelta(seconds=2 ** min(message.attempts, 10)))
            logger.exception("message %s could not be routed", message.pk)
        message.save(update_fields=["routed_at", "attempts", "last_error", "due"])
        return int(message.routed_at is not None)


def route_message(message: Message, *, actor: Actor) -> None:
    """Write a notice for everybody who hears of it in the portal."""
    for user in recipients(message):
        wording = wording_for(message, user)
        if wording is not None:
            _notice(message, user, wording)


def recipients(message: Message) -> list[User]:
    people = User.objects.filter(is_active=True).prefetch_related("roles")
    if message.people is not None:
        return list(people.filter(pk__in=message.people))
    return [user for user in people if Channel.PAGE in topics.get(message.topic).channels]


def wording_for(message: Message, user: User) -> Wording | None:
    """What this person may read of it; None when that is nothing."""
    topic = topics.get(message.topic)
    groups = message.device_group_ids or None
    if not user.is_active or not topic.is_for(user) or not user.scope.meets(groups):
        return None
    if not audiences.may_read(user, message.subject):
        return None
    if groups is None or all(user.scope.covers(group) for group in groups):
        return Wording(message.title, message.body, whole=True)
    words = audiences.words_for(user, message.subject)
    return Wording(f"{topic.label}: {words}"[:300] if words else topic.label, "", whole=False)


def _notice(message: Message, user: User, wording: Wording) -> None:
    notice = Notice(
        user=user,
        message=message,
        topic=message.topic,
        subject=message.subject,
        title=wording.title,
        body=wording.body,
        url=message.url,
        severity=message.severity if wording.whole else "",
        created=message.created,
    )
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
    live.publish("notice.new", message.pk, people=[user.pk])
