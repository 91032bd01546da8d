"""From a message to the people who hear it: each asked for right, scope and subject, each in words they may read."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from accounts.enums import UserKind
from accounts.models import User
from core import clock, jobs, live, options
from core.actors import Actor
from core.due import SKEW
from notifications import topics
from notifications.enums import Channel, DispatchStatus, RecipientKind
from notifications.models import DigestItem, Dispatch, Listening, Message, Notice, Rule, RuleRecipient
from notifications.options import MOST_MAILS
from notifications.services.choices import Chosen, chosen_for, quiet_until, wants
from notifications.services.match import groups_of, matching_rules, recipients_of
from notifications.services.wording import Wording, wording_for, wording_outside

logger = logging.getLogger(__name__)
MAX_BACKOFF = timedelta(minutes=10)
HOUR = timedelta(hours=1)
SEND = "notifications.tasks.send_due"


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
    """Write what everybody who hears of it gets: notices, mails and calls on their way, items of a digest."""
    chosen = chosen_for(message.topic)
    for user, listening in _listeners(message, chosen):
        wording = wording_for(message, user)
        if wording is not None:
            _tell_person(message, user, wording, chosen, listening)
    for rule in matching_rules(message):
        for recipient in recipients_of(rule, message):
            _tell_recipient(message, rule, recipient)


def _listeners(message: Message, chosen: Chosen) -> list[tuple[User, Listening | None]]:
    """The people named, or everybody who hears of the topic by any channel. A service account reads no notices."""
    topic = topics.get(message.topic)
    people = User.objects.filter(is_active=True, kind=UserKind.PERSON).prefetch_related("roles")
    if message.people is not None:
        people = people.filter(pk__in=message.people)
    else:
        people = people.exclude(pk=message.actor.get("person_id") or 0)  # nobody is told what they did themselves
        if not topic.channels:
            people = people.filter(pk__in=[pk for (pk, _), wanted in chosen.items() if wanted])
    found = [user for user in people if topic.is_for(user)]
    by_user = {row.user_id: row for row in Listening.objects.filter(user__in=found)}
    return [(user, by_user.get(user.pk)) for user in found]


def _tell_person(message: Message, user: User, wording: Wording, chosen: Chosen, listening: Listening | None) -> None:
    topic = topics.get(message.topic)
    if wants(user, topic, Channel.PAGE, chosen, listening):
        _notice(message, user, wording)
    if wants(user, topic, Channel.DIGEST, chosen, listening):
        DigestItem.objects.bulk_create([DigestItem(user=user, message=message)], ignore_conflicts=True)
    if wants(user, topic, Channel.MAIL, chosen, listening) and user.email:
        _put_on_its_way(Dispatch(message=message, user=user), hold=_held_until(message, listening))


def _held_until(message: Message, listening: Listening | None) -> datetime | None:
    if listening is not None and listening.urgent_breaks_through and topics.get(message.topic).urgent:
        return None
    return quiet_until(listening, now=clock.real_now())


def _tell_recipient(message: Message, rule: Rule, recipient: RuleRecipient) -> None:
    """A recipient of a rule: a person as far as that person may read it, anybody else as far as the author may."""
    if recipient.kind == RecipientKind.PERSON:
        user = recipient.user
        wording = wording_for(message, user) if user is not None else None
        if user is None or wording is None:
            return
        _notice(message, user, wording)
        if user.email:
            hold = _held_until(message, Listening.objects.filter(user=user).first())
            _put_on_its_way(Dispatch(message=message, user=user, rule=rule), hold=hold)
    elif wording_outside(message, rule, groups_of(rule)) is not None:
        _put_on_its_way(
            Dispatch(message=message, rule=rule, address=recipient.address, endpoint=recipient.endpoint), hold=None
        )


def _notice(message: Message, user: User, wording: Wording) -> None:
    notice = Notice(
        user=user,
        message=message,
        topic=message.topic,
        subject=message.subject,
        title=wording.title,
        body=wording.body,
        url=message.url,
        severity=wording.severity,
        created=message.created,
    )
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
    live.publish("notice.new", message.pk, people=[user.pk])


def _put_on_its_way(dispatch: Dispatch, *, hold: datetime | None) -> None:
    """One mail of a message to one person, whatever number of rules asks for it; not more an hour than allowed."""
    same = Dispatch.objects.filter(user=dispatch.user, address=dispatch.address, endpoint=dispatch.endpoint)
    if same.filter(message=dispatch.message).exists():
        return
    # What a clock that ran ahead has sent lies in no hour of today, and must not use up the measure of one.
    now = clock.real_now()
    if same.filter(created__range=(now - HOUR, now + SKEW)).count() >= options.get(MOST_MAILS.key):
        dispatch.status, dispatch.said = DispatchStatus.SKIPPED, "More messages within an hour than allowed."
        dispatch.ended, dispatch.next_attempt_at = clock.real_now(), None
    elif hold is not None:
        dispatch.held_until = dispatch.next_attempt_at = hold
    Dispatch.objects.bulk_create([dispatch], ignore_conflicts=True)
    jobs.wake(SEND)
