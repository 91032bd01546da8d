"""Which people may decide on a request now: whom the pager calls and the alarm tells."""

from collections.abc import Iterable

from accounts import keys
from accounts.enums import UserKind
from accounts.models import User
from remediation import policy
from remediation.models import ActionRun


def who_may_decide(run: ActionRun, *, besides: Iterable[int | None] = ()) -> list[User]:
    """Active people who see the run and may decide on it at this moment."""
    skipped = {pk for pk in besides if pk}
    holders = User.objects.filter(
        is_active=True, kind=UserKind.PERSON, roles__permissions__contains=[keys.DECIDE_RESPONSE]
    ).exclude(pk__in=skipped)
    return [user for user in holders.distinct().prefetch_related("roles") if _may(run, user)]


def _may(run: ActionRun, user: User) -> bool:
    if policy.reasons_not_to_decide([run], user):
        return False
    return ActionRun.objects.visible_to(user).filter(pk=run.pk).exists()
