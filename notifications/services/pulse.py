"""Hearing from what ought to be heard from, and telling when it falls silent.

A busy feed beats every second; its row is written every twenty seconds, after the batch is committed, so that no two
batches wait for each other.
"""

import hashlib
import logging
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import DatabaseError, transaction

from core import audit, clock
from core.actors import Actor
from core.wording import duration
from notifications import topics
from notifications.models import Pulse
from notifications.models.pulse import REMEMBERED_DAYS
from notifications.services.tell import HISTORY, tell

logger = logging.getLogger(__name__)
WRITTEN_EVERY_S = 20
MOST = 1_000
# The portal itself was away: what sends to it needs a while to be heard again.
LOOKED_WITHIN_S, GRACE = 300, timedelta(minutes=15)
LOOKING = "pulse:looking-since"
SENTRY = Actor.system("sources")
SILENT = topics.declare(
    "source.silent",
    "A source fell silent",
    "A source of alerts has sent nothing for longer than it usually does.",
    group="Portal",
    permission="system_settings.manage",
    urgent=True,
)


def beat(key: str, *, label: str, detail: str, actor: Actor) -> None:
    """Note, once the transaction is committed, that it was heard from. Never stops what it is called from."""
    if clock.real_now() - clock.now() > HISTORY:
        return
    digest = hashlib.blake2b(key.encode(), digest_size=12).hexdigest()
    try:
        is_first = cache.add(f"pulse:{digest}", 1, timeout=WRITTEN_EVERY_S)
    except Exception:  # noqa: BLE001 - without the broker nobody remembers, and what it is called from goes on
        logger.warning("broker away, a pulse is not noted")
        return
    if is_first:
        transaction.on_commit(lambda: _write(key[:200], label[:120], detail[:200]), robust=True)


def _write(key: str, label: str, detail: str) -> None:
    now = clock.real_now()
    try:
        with transaction.atomic():
            row = Pulse.objects.select_for_update(skip_locked=True).filter(key=key).first()
            if row is not None:
                note_beat(row, now=now, detail=detail, actor=SENTRY)
            elif Pulse.objects.count() < MOST:
                Pulse.objects.bulk_create([Pulse(key=key, label=label, detail=detail)], ignore_conflicts=True)
    except DatabaseError:
        logger.exception("the pulse of %s was not noted", label)


def note_beat(row: Pulse, *, now: datetime, detail: str, actor: Actor) -> None:
    """Learn the silence that has just ended, unless it was an alarm or longer than is allowed."""
    gap = now - row.last_at
    if row.silent_since is None and (row.allowed is None or gap <= row.allowed):
        today = now.date().isoformat()
        days = {**row.longest, today: max(row.longest.get(today, 0.0), gap.total_seconds())}
        row.longest = dict(sorted(days.items())[-REMEMBERED_DAYS:])
    row.silent_since = None
    row.last_at, row.beats, row.detail = now, row.beats + 1, detail
    row.save(update_fields=["longest", "silent_since", "last_at", "beats", "detail"])


def find_silent(*, actor: Actor) -> int:
    """Raise the alarm for each that has been silent for longer than is allowed, once; answers how many."""
    now = clock.real_now()
    looking = _looking_since(now)
    found = 0
    for row in Pulse.objects.filter(silent_since=None, watched=True):
        allowed = row.allowed
        if allowed is not None and now - row.last_at > allowed and now - looking > min(allowed, GRACE):
            found += _alarm(row, actor=actor)
    return found


def _looking_since(now: datetime) -> datetime:
    """Since when the portal has looked without a pause; never since a time that a clock ahead has written."""
    since: datetime = min(cache.get(LOOKING) or now, now)
    cache.set(LOOKING, since, timeout=LOOKED_WITHIN_S)
    return since


def _alarm(row: Pulse, *, actor: Actor) -> int:
    with transaction.atomic():
        if not Pulse.objects.filter(pk=row.pk, silent_since=None, last_at=row.last_at).update(silent_since=row.last_at):
            return 0
        usual = "its limit is" if row.limit_minutes is not None else "it was usually heard from within"
        body = f"Last heard from {row.last_at:%Y-%m-%d %H:%M} UTC; {usual} {duration(row.allowed)}."
        subject = f"pulse:{row.pk}"
        audit.record("source.silent", subject=subject, actor=actor, data={"label": row.label})
        tell(SILENT, subject=subject, title=f"{row.label} has been silent for {duration(row.silence)}", body=body,
             url="/admin/sources/", source=row.label, actor=actor,
             once=f"{row.pk}:{row.last_at.isoformat()}")  # fmt: skip
    return 1


def set_limit(row: Pulse, *, minutes: int | None, watched: bool, actor: Actor) -> None:
    with transaction.atomic():
        before = {"limit_minutes": row.limit_minutes, "watched": row.watched}
        row.limit_minutes, row.watched = minutes, watched
        row.save(update_fields=["limit_minutes", "watched"])
        changes = {name: (old, getattr(row, name)) for name, old in before.items() if old != getattr(row, name)}
        if changes:
            audit.record("source.limit", subject=f"pulse:{row.pk}", actor=actor, changes=changes,
                         data={"label": row.label})  # fmt: skip


def forget_pulse(row: Pulse, *, actor: Actor) -> None:
    """It is made anew when it is heard from again."""
    with transaction.atomic():
        audit.record("source.forgotten", subject=f"pulse:{row.pk}", actor=actor, data={"label": row.label})
        row.delete()
