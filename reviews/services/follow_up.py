"""Follow-ups: who does what by when. They outlive the signature, and end with what was done."""

from datetime import date
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from core import audit, clock
from core.actors import Actor
from core.wording import unix_lines
from incidents.services.announce import announce_incident
from notifications.services.tell import tell
from notifications.topics import declare
from reviews.enums import FollowUpState
from reviews.models import FollowUp, Lesson, Review

if TYPE_CHECKING:
    from accounts.models import User

MOST, MAX_TEXT, MAX_OUTCOME = 50, 500, 2000
REMINDER = Actor.system("reviews")
OVERDUE = declare(
    "review.follow_up_overdue", "A follow-up of mine is overdue", "Told once, and again when its date was moved.",
    group="Reviews", channels=("page", "mail"),
)  # fmt: skip
GIVEN = declare(
    "review.follow_up_given", "A follow-up was given to me", "Somebody made you its owner.", group="Reviews"
)


def add_follow_up(
    review: Review, *, text: str, owner: "User | None", due: date, actor: Actor, lesson: Lesson | None = None
) -> FollowUp:
    """Write down what somebody will do by a date."""
    cleaned = _clean(text, MAX_TEXT)
    if not cleaned:
        raise ValidationError({"text": "1 to 500 characters."})
    if review.follow_ups.count() >= MOST:
        raise ValidationError(f"A review holds at most {MOST} follow-ups.")
    with transaction.atomic():
        row = FollowUp.objects.create(review=review, text=cleaned, owner=owner, due=due, lesson=lesson)
        _record(row, actor, "follow_up.added", {"follow_up": (None, cleaned)})
        _tell_owner(row, actor)
    return row


def set_follow_up_state(
    review: Review, *, follow_up_id: int, state: FollowUpState, actor: Actor, outcome: str = ""
) -> FollowUp:
    """Mark a follow-up of this review done, with what was done, or open again."""
    with transaction.atomic():
        row = review.follow_ups.select_for_update().get(pk=follow_up_id)
        if row.state == state:
            return row
        changes: dict[str, Any] = {"state": (row.state, state)}
        row.state = state
        if state == FollowUpState.DONE:
            row.done_at, row.done_by, row.outcome = clock.now(), actor.as_json(), _clean(outcome, MAX_OUTCOME)
            changes |= {"outcome": ("", row.outcome)} if row.outcome else {}
        else:
            row.done_at, row.done_by, row.told_late = None, None, None
            row.reopened_count += 1
        row.save(update_fields=["state", "done_at", "done_by", "outcome", "told_late", "reopened_count"])
        _record(row, actor, "follow_up.state", changes, reason="" if state == FollowUpState.DONE else outcome)
    return row


def change_follow_up(row: FollowUp, *, changes: dict[str, Any], actor: Actor, reason: str = "") -> FollowUp:
    """Give it to somebody else, or move its date. Raises `ValidationError` for other fields."""
    if unknown := set(changes) - {"owner", "due"}:
        raise ValidationError(f"{min(unknown)} cannot be changed.")
    with transaction.atomic():
        stored = FollowUp.objects.select_for_update().get(pk=row.pk)
        differing = {name: (getattr(stored, name), value) for name, value in changes.items()}
        differing = {name: pair for name, pair in differing.items() if pair[0] != pair[1]}
        if not differing:
            return stored
        for name, (_, new) in differing.items():
            setattr(stored, name, new)
        stored.told_late = None
        stored.save(update_fields=["owner", "due", "told_late"])
        told = {name: tuple(None if value is None else str(value) for value in pair)
                for name, pair in differing.items()}  # fmt: skip
        _record(stored, actor, "follow_up.changed", told, reason=_clean(reason, MAX_TEXT))
        if "owner" in differing:
            _tell_owner(stored, actor)
    return stored


def remind_of_overdue(limit: int = 200) -> int:
    """Tell the owners of follow-ups whose date has passed; each is told once for each date."""
    today = clock.now().date()
    with transaction.atomic():
        late = FollowUp.objects.select_for_update(of=("self",), skip_locked=True).filter(
            state=FollowUpState.OPEN, due__lt=today, told_late=None, owner__is_active=True
        )
        rows = list(late.select_related("owner", "review__incident").order_by("due", "pk")[:limit])
        for row in rows:
            incident = row.review.incident
            tell(
                OVERDUE, subject=incident.thread, title=f"Overdue since {row.due:%Y-%m-%d}: {row.text}",
                body=f"A follow-up of the review of {incident.number}.", url=f"/follow-ups/?owner=me&id={row.pk}",
                device_group_ids=incident.device_group_ids, people=[row.owner] if row.owner else [],
                once=f"{row.pk}:{row.due}", actor=REMINDER,
            )  # fmt: skip
        FollowUp.objects.filter(pk__in=[row.pk for row in rows]).update(told_late=clock.now())
    return len(rows)


def overdue() -> Q:
    """Open, and the date has passed."""
    return Q(state=FollowUpState.OPEN, due__lt=clock.now().date())


def _tell_owner(row: FollowUp, actor: Actor) -> None:
    if row.owner is None or row.owner.pk == actor.person_id:
        return
    incident = row.review.incident
    tell(
        GIVEN, subject=incident.thread, title=f"Yours until {row.due:%Y-%m-%d}: {row.text}",
        body=f"A follow-up of the review of {incident.number}, given by {actor.name}.",
        url="/follow-ups/?owner=me", device_group_ids=incident.device_group_ids, people=[row.owner],
        actor=actor,
    )  # fmt: skip


def _clean(text: str, longest: int) -> str:
    cleaned = unix_lines(text).replace("\x00", "").strip()
    if len(cleaned) > longest:
        raise ValidationError(f"At most {longest:,} characters; this has {len(cleaned):,}.")
    return cleaned


def _record(row: FollowUp, actor: Actor, verb: str, changes: dict[str, Any], *, reason: str = "") -> None:
    incident = row.review.incident
    audit.record(verb, subject=f"follow_up:{row.pk}", thread=incident.thread, actor=actor, changes=changes,
                 reason=reason)  # fmt: skip
    announce_incident(incident, topic="review.changed")
