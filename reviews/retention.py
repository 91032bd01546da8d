"""Reviews go with their incident, but not before they are signed and what they ask for is done."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet

from core import retention
from core.models import Blob
from reviews.enums import FollowUpState, ReviewState
from reviews.models import Lesson, ReviewDocument


def declare_reasons() -> None:
    retention.keep_back("incidents", "whose review is not signed", _unsigned)
    retention.keep_back("incidents", "with a follow-up that is not done", _with_open_follow_up)
    retention.keep_back("incidents", "from which a lesson was learned", _with_lesson)
    retention.forget_with("incidents", forget_documents)


def _unsigned(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(review__state=ReviewState.DRAFT)


def _with_open_follow_up(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(review__follow_ups__state=FollowUpState.OPEN)


def _with_lesson(rows: QuerySet[Any]) -> QuerySet[Any]:
    also: QuerySet[Any] = Lesson.incidents.through._default_manager.values("incident")
    return rows.filter(Q(pk__in=Lesson.objects.values("incident")) | Q(pk__in=also))


def forget_documents(keys: Sequence[int]) -> None:
    """The files; their rows go with the review."""
    Blob.objects.filter(pk__in=ReviewDocument.objects.filter(review__incident__in=keys).values("blob")).delete()
