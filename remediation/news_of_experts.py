"""What people hear of questions to experts, and who may read what is told."""

from collections.abc import Iterable

from accounts.models import User
from notifications import topics
from notifications.audiences import register_audience
from remediation.models import ExpertRequest

EXPERT_ASKED = topics.declare(
    "expert.asked",
    "I am asked as an expert",
    "Somebody put a question to you or to a group of experts that you belong to.",
    group="Experts",
    channels=("page", "mail"),
)
EXPERT_ANSWERED = topics.declare(
    "expert.answered",
    "An expert answered me",
    "A question that you put to an expert has an answer.",
    group="Experts",
    channels=("page", "mail"),
)

EXPERT_UNDELIVERED = topics.declare(
    "expert.undelivered",
    "My question did not reach a retainer",
    "The mail with a question of yours was refused for good, or nothing took it until the portal gave up.",
    group="Experts",
    channels=("page", "mail"),
)


def may_read(user: User, pk: int) -> bool:
    return ExpertRequest.objects.visible_to(user).filter(pk=pk).exists()


def readable(user: User, pks: Iterable[int]) -> set[int]:
    return set(ExpertRequest.objects.visible_to(user).filter(pk__in=list(pks)).values_list("pk", flat=True))


def may_leave(pk: int) -> bool:
    """What was shared with an expert is told to no mailing list, webhook or chat."""
    return False


def register() -> None:
    register_audience("expert_request", may_read, readable=readable, may_leave=may_leave)
