"""Which people may decide on a request now: whom the pager calls, the alarm tells and a dialog counts beforehand."""

from collections.abc import Iterable, Iterator
from itertools import islice

from accounts import keys
from accounts.enums import UserKind
from accounts.models import User
from incidents.models import Incident
from remediation import policy
from remediation.models import ActionRun
from remediation.policy import Target, approvers

MOST_NAMED, MOST_COUNTED = 2, 20


def who_may_decide(run: ActionRun, *, besides: Iterable[int | None] = ()) -> list[User]:
    """Active people who see the run and may decide on it at this moment."""
    return [user for user in _holders(besides) if _may(run, user)]


def who_could_decide(
    draft: ActionRun, user: User, *, target: Target | ActionRun | None, incident: Incident | None
) -> str:
    """In a sentence, who besides the person who asks could approve at this moment what is about to be asked for; empty
    when nobody could. `draft` is the run that it would be; `target` is None while there is none yet, or the run that
    it takes back."""
    found = list(islice(_able(draft, user, target, incident), MOST_COUNTED + 1))
    if len(found) > MOST_COUNTED:
        return f"More than {MOST_COUNTED} people can approve it now."
    if len(found) > MOST_NAMED:
        return f"{len(found)} people can approve it now."
    names = " and ".join(str(one) for one in found)
    return f"{'Only ' if len(found) == 1 else ''}{names} can approve it now." if found else ""


def _able(draft: ActionRun, user: User, *seen: Target | ActionRun | Incident | None) -> Iterator[User]:
    rules = approvers.approver_rules()
    for one in _holders([user.pk]):
        if not policy.reasons_not_to_decide([draft], one, rules) and all(_sees(one, thing) for thing in seen if thing):
            yield one


def _sees(user: User, thing: Target | ActionRun | Incident) -> bool:
    return bool(type(thing)._default_manager.visible_to(user).filter(pk=thing.pk).exists())


def _holders(besides: Iterable[int | None]) -> Iterable[User]:
    skipped = {pk for pk in besides if pk}
    holders = User.objects.filter(
        is_active=True, kind=UserKind.PERSON, roles__permissions__contains=[keys.DECIDE_RESPONSE]
    ).exclude(pk__in=skipped)
    return holders.distinct().prefetch_related("roles")


def _may(run: ActionRun, user: User) -> bool:
    if policy.reasons_not_to_decide([run], user):
        return False
    return ActionRun.objects.visible_to(user).filter(pk=run.pk).exists()
