"""Which resolved incidents want a review, wait for a signature, or are done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.utils.dateparse import parse_datetime

from accounts.models import User
from core import clock
from incidents.enums import Classification, IncidentStatus, Severity
from incidents.models import Incident
from incidents.queries.incidents import IncidentQuerySet
from reviews.enums import FollowUpState, ReviewState

PAGE, MOST_DIGITS = 50, 18
STATES = {"due": "To write", "draft": "To sign", "signed": "Signed"}


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
    wanted = ReviewState.SIGNED if state == "signed" else ReviewState.DRAFT
    return Incident.objects.wholly_visible_to(user).filter(review__state=wanted)


def waiting_for_signature(user: User) -> int:
    """Drafts of resolved and classified incidents: what a manager can sign."""
    drafts = in_state(user, "draft").filter(status=IncidentStatus.RESOLVED)
    return drafts.exclude(classification=Classification.UNKNOWN).count()


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """One page of one state, newest close first; `after` is the cursor `time~id` of the last row seen."""

    user: User
    state: str
    after: str

    @property
    def tabs(self) -> list[dict[str, Any]]:
        counts = self.counts()
        return [
            {"label": label, "url": f"?state={key}", "current": key == self.state, "count": counts[key]}
            for key, label in STATES.items()
        ]

    def counts(self) -> dict[str, int]:
        return {key: in_state(self.user, key).count() for key in STATES}

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
