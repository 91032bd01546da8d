"""Which resolved incidents want a review, wait for a signature, or are done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.utils.dateparse import parse_datetime

from accounts import keys
from accounts.models import User
from core import clock
from incidents.enums import Classification, IncidentStatus, Severity
from incidents.models import Incident
from incidents.queries.incidents import IncidentQuerySet
from reviews.enums import FollowUpState, ReviewState

PAGE, MOST_DIGITS = 50, 18
STATES = {"due": "To write", "sign": "To sign", "draft": "Drafts", "signed": "Signed"}
# What each tab asks a person to do, by the permission it takes; the others are for reading.
ACTED_ON = {"due": keys.WRITE_REVIEWS, "sign": keys.SIGN_REVIEWS, "draft": keys.WRITE_REVIEWS}
READY = ~Q(review__summary__regex=r"^\s*$") & ~Q(review__lessons__regex=r"^\s*$")


def wanting_review(user: User) -> IncidentQuerySet:
    """Resolved true positives of severity medium or high without a review."""
    return Incident.objects.wholly_visible_to(user).filter(
        status=IncidentStatus.RESOLVED,
        classification=Classification.TRUE_POSITIVE,
        severity__in=(Severity.HIGH, Severity.MEDIUM),
        review=None,
    )


def in_state(user: User, state: str) -> IncidentQuerySet:
    if state == "due":
        return wanting_review(user)
    if state == "sign":
        return ready_to_sign(user)
    wanted = ReviewState.SIGNED if state == "signed" else ReviewState.DRAFT
    found = Incident.objects.wholly_visible_to(user).filter(review__state=wanted)
    return found.exclude(pk__in=ready_to_sign(user).values("pk")) if state == "draft" else found


def ready_to_sign(user: User) -> IncidentQuerySet:
    """Drafts that miss nothing but the signature: resolved, classified, with summary and lessons."""
    drafts = Incident.objects.wholly_visible_to(user).filter(
        READY, review__state=ReviewState.DRAFT, status=IncidentStatus.RESOLVED
    )
    return drafts.exclude(classification=Classification.UNKNOWN)


def waiting_for_signature(user: User) -> int:
    """What a manager can sign now."""
    return ready_to_sign(user).count()


def first_state(user: User) -> str:
    """The tab that a person acts on: a manager signs, an analyst writes, everybody else reads."""
    if user.holds(keys.SIGN_REVIEWS) and not user.holds(keys.WRITE_REVIEWS):
        return "sign"
    return "due" if user.holds(keys.WRITE_REVIEWS) else "signed"


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """One page of one state, newest close first; `after` is the cursor `time~id` of the last row seen."""

    user: User
    state: str
    after: str

    @property
    def tabs(self) -> list[dict[str, Any]]:
        """The tab the person acts on comes first; a count stands where they can do something now."""
        counts = self.counts()
        first = first_state(self.user)
        return [
            {"label": STATES[key], "url": f"?state={key}", "current": key == self.state, "count": counts.get(key, 0)}
            for key in (first, *(key for key in STATES if key != first))
        ]

    def counts(self) -> dict[str, int]:
        mine = [key for key, needed in ACTED_ON.items() if self.user.holds(needed)]
        return {key: in_state(self.user, key).count() for key in mine}

    def rows(self) -> list[Incident]:
        wanted = in_state(self.user, self.state).select_related("review", "assigned_to")
        wanted = wanted.annotate(
            open_follow_ups=Count("review__follow_ups", Q(review__follow_ups__state=FollowUpState.OPEN))
        )
        cursor = self._cursor()
        if cursor:
            at, pk = cursor
            wanted = wanted.filter(Q(last_activity__lt=at) | Q(last_activity=at, pk__lt=pk))
        return list(wanted.order_by("-last_activity", "-pk")[:PAGE])

    def _cursor(self) -> tuple[datetime, int] | None:
        at, _, pk = self.after.partition("~")
        try:
            moment = parse_datetime(at)
        except ValueError:
            return None
        moment = clock.as_utc(moment) if moment and moment.tzinfo else None
        return (moment, int(pk)) if moment and pk.isdecimal() and len(pk) <= MOST_DIGITS else None

    def older_url(self, rows: list[Incident]) -> str:
        if len(rows) < PAGE:
            return ""
        last = rows[-1]
        at = last.last_activity.isoformat().replace("+00:00", "Z")
        return f"?state={self.state}&after={at}~{last.pk}"
