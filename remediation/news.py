"""What people hear of response actions, and who may read what is told."""

from collections.abc import Iterable

from accounts import keys
from accounts.models import User
from notifications import topics
from notifications.audiences import register_audience
from remediation.models import ActionRun

WAITING = topics.declare(
    "action.waiting",
    "An action waits for a decision",
    "Somebody asked for a response action that you might decide on.",
    group="Response",
    permission=keys.DECIDE_RESPONSE,
)
COMPLETED = topics.declare(
    "action.completed",
    "An action was completed",
    "One that you asked for, or on an incident of yours, was carried out and verified.",
    group="Response",
)
FAILED = topics.declare(
    "action.failed",
    "An action failed",
    "One that you asked for, or on an incident of yours, failed or nobody knows its outcome.",
    group="Response",
    channels=("page", "mail"),
    urgent=True,
)


def may_read(user: User, pk: int) -> bool:
    return ActionRun.objects.visible_to(user).filter(pk=pk).exists()


def words(user: User, pk: int) -> str:
    """Its number alone: whoever sees a part of its targets learns no name."""
    return f"RUN-{pk}"


def readable(user: User, pks: Iterable[int]) -> set[int]:
    return set(ActionRun.objects.visible_to(user).filter(pk__in=list(pks)).values_list("pk", flat=True))


def may_leave(pk: int) -> bool:
    """What belongs to a restricted incident is told to no mailing list, webhook or chat."""
    return ActionRun.objects.filter(pk=pk).exclude(incident__restricted=True).exists()


def register() -> None:
    register_audience("run", may_read, words=words, readable=readable, may_leave=may_leave)
