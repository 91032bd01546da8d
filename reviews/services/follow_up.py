"""Follow-ups: who does what by when. They outlive the signature."""

from datetime import date
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction

from core import audit, clock, live
from core.actors import Actor
from core.wording import unix_lines
from reviews.enums import FollowUpState
from reviews.models import FollowUp, Review

if TYPE_CHECKING:
    from accounts.models import User

MOST = 50


def add_follow_up(review: Review, *, text: str, owner: "User | None", due: date, actor: Actor) -> FollowUp:
    """Write down what somebody will do by a date."""
    cleaned = unix_lines(text).replace("\x00", "").strip()
    if not cleaned or len(cleaned) > 500:
        raise ValidationError({"text": "1 to 500 characters."})
    if review.follow_ups.count() >= MOST:
        raise ValidationError(f"A review holds at most {MOST} follow-ups.")
    with transaction.atomic():
        row = FollowUp.objects.create(review=review, text=cleaned, owner=owner, due=due)
        _record(row, actor, "follow_up.added", {"follow_up": (None, cleaned)})
    return row


def set_follow_up_state(review: Review, *, follow_up_id: int, state: FollowUpState, actor: Actor) -> FollowUp:
    """Mark a follow-up of this review done or open again."""
    with transaction.atomic():
        row = review.follow_ups.select_for_update().get(pk=follow_up_id)
        if row.state == state:
            return row
        before, row.state = row.state, state
        row.done_at = clock.now() if state == FollowUpState.DONE else None
        row.save(update_fields=["state", "done_at"])
        _record(row, actor, "follow_up.state", {"state": (before, state)})
    return row


def _record(row: FollowUp, actor: Actor, verb: str, changes: dict[str, object]) -> None:
    incident = row.review.incident
    audit.record(verb, subject=f"follow_up:{row.pk}", thread=incident.thread, actor=actor, changes=changes)
    live.publish("review.changed", incident.pk, groups=incident.audience)
