"""What was written while the machine's clock ran ahead, taken up again when the clock is right: a time that nobody
would plan from now holds nothing up for as long as the clock was wrong, and sends nothing twice."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from core import clock
from core.due import SKEW
from notifications.enums import DigestRhythm, DispatchStatus
from notifications.models import Dispatch, Listening, Message, Pulse, Rule, RuleRecipient
from notifications.services.choices import next_digest, quiet_until
from notifications.services.route import MAX_BACKOFF
from notifications.services.send import LEASE, WAITS_S


def put_right() -> int:
    """Give a time of now to what lies further ahead than was ever planned; answers how many rows."""
    now = clock.real_now()
    return (
        _began(Message, "created", now, due=now)
        + Message.objects.filter(routed_at=None, due__gt=now + MAX_BACKOFF + SKEW).update(due=now)
        + _began(Rule, "since", now)
        + _began(RuleRecipient, "since", now)
        + _began(Pulse, "last_at", now)
        + _dispatches(now)
        + _digests(now)
    )


def _began(model: type[models.Model], column: str, now: datetime, **also: datetime) -> int:
    rows = model._default_manager.filter(**{f"{column}__gt": now + SKEW})
    if model is Message:
        rows = rows.filter(routed_at=None)
    return rows.update(**{column: now}, **also)


def _dispatches(now: datetime) -> int:
    """What waits. A worker may still be at a try that it began by the wrong clock, so that one gets a lease."""
    rows = Dispatch.objects.filter(status=DispatchStatus.WAITING)
    planned = rows.filter(held_until=None).filter(_further_than_planned(now))
    found = planned.filter(attempts__gt=0).update(next_attempt_at=now + LEASE)
    found += planned.filter(attempts=0).update(next_attempt_at=now)
    held = rows.filter(held_until__isnull=False, created__gt=now + SKEW).select_related("user__listening")
    for row in held:
        row.held_until = quiet_until(getattr(row.user, "listening", None), now=now)
        row.next_attempt_at, row.created = row.held_until or now, now
        row.save(update_fields=["held_until", "next_attempt_at", "created"])
    return found + len(held)


def _further_than_planned(now: datetime) -> Q:
    """Later than the wait after so many tries, or than a worker's lease."""
    wanted = Q(attempts=0, next_attempt_at__gt=now + SKEW)
    for tries, wait in enumerate(WAITS_S, start=1):
        longest = max(timedelta(seconds=wait), LEASE)
        wanted |= Q(attempts=tries, next_attempt_at__gt=now + longest + SKEW)
    return wanted | Q(attempts__gt=len(WAITS_S), next_attempt_at__gt=now + LEASE + SKEW)


def _digests(now: datetime) -> int:
    """Digests that were ordered by the wrong clock would otherwise be left out until it comes true."""
    daily = Q(digest=DigestRhythm.DAILY, digest_due__gt=now + timedelta(days=1))
    weekly = Q(digest=DigestRhythm.WEEKLY, digest_due__gt=now + timedelta(weeks=1))
    found = 0
    for row in Listening.objects.filter(daily | weekly):
        due = next_digest(row, after=now)
        if due is not None and row.digest_due is not None and due < row.digest_due:
            found += Listening.objects.filter(pk=row.pk, digest_due=row.digest_due).update(digest_due=due)
    return found
