"""A person's notices: what may still be shown, how many are unread, and reading them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.db import transaction

from accounts.models import User
from core import clock, live
from core.actors import Actor
from notifications import topics
from notifications.audiences import readable_subjects
from notifications.models import Message, Notice
from notifications.services.wording import wording_for

# The bell looks no further; it then says 99+.
COUNTED = 100


@dataclass(slots=True)
class Fold:
    """Notices of one kind about one thing: the newest speaks for those before it."""

    newest: Notice
    earlier: list[Notice] = field(default_factory=list)

    @property
    def pks(self) -> list[int]:
        return [self.newest.pk, *(row.pk for row in self.earlier)]


def folded(notices: Iterable[Notice]) -> list[Fold]:
    """The notices, the newest first, with what tells more of the same put behind it. The incident that a message names
    is the thing that it is about: twelve actions on one incident are one piece of work. What is read stays apart from
    what is not."""
    found: dict[tuple[object, ...], Fold] = {}
    for row in notices:
        incident = row.message.facts.get("incident")
        about = f"incident:{incident}" if incident else row.subject
        key = (row.topic, about, row.read_at is None)
        if key in found:
            found[key].earlier.append(row)
        else:
            found[key] = Fold(row)
    return list(found.values())


def still_readable(user: User, notices: Iterable[Notice]) -> list[Notice]:
    """Without those about things that this person may no longer read."""
    rows = list(notices)
    allowed = readable_subjects(user, {row.subject for row in rows})
    return [row for row in rows if row.subject in allowed]


def in_words_of_now(user: User, notices: Iterable[Notice]) -> list[Notice]:
    """The same, each in the words that this person may read now: who saw everything when it was told may see a part of
    it today."""
    rows = list(notices)
    if user.scope.everything or not rows:
        return rows
    told = Message.objects.in_bulk({row.message_id for row in rows})
    for row in rows:
        message = told[row.message_id]
        if not all(user.scope.covers(group) for group in message.device_group_ids):
            wording = wording_for(message, user)
            row.title, row.body, row.severity = (
                (wording.title, wording.body, wording.severity) if wording else (topics.label_of(row.topic), "", "")
            )
    return rows


def unread_count(user: User) -> int:
    """As many as the page shows lines: what tells more of the same is not counted again."""
    rows = Notice.objects.visible_to(user).unread().select_related("message")
    named = rows.only("pk", "subject", "topic", "read_at", "message__facts")[: COUNTED * 2]
    return len(folded(still_readable(user, named)))


def mark(user: User, *, pks: Collection[int] | None, read: bool, actor: Actor) -> int:
    """Mark one's own notices as read or unread; `pks` None is all. Tells the other open pages of this person."""
    with transaction.atomic():
        rows = Notice.objects.visible_to(user).filter(read_at__isnull=read)
        if pks is not None:
            rows = rows.filter(pk__in=pks)
        changed = rows.update(read_at=clock.real_now() if read else None)
        if changed:
            live.publish("notice.read", user.pk, people=[user.pk])
    return changed
