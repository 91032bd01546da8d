"""Of many pending runs those that one person may decide now, for lists and counts: the same facts as the rules look
at, read for all of them together."""

from collections.abc import Iterable, Sequence

from django.db.models import Q

from accounts import keys
from accounts.models import User
from core import clock
from core.permissions import label_of
from remediation.catalog import all_actions, get
from remediation.models import ActionRun, ApproverRule, ProtectedAsset
from remediation.policy import approvers
from remediation.policy.protection import shields_of
from remediation.policy.targets import MODELS, is_destructive
from remediation.queries.runs import RunQuerySet


def decidable(runs: RunQuerySet, user: User) -> RunQuerySet:
    """Of pending runs those that this person may decide now: not own ones, wholly in scope, with every right, named as
    an approver where a rule names some."""
    lacking = [action.key for action in all_actions() if not all(user.holds(key) for key in action.decide_permissions)]
    found = runs.exclude(action__in=lacking).filter(Q(requester_id=None) | ~Q(requester_id=user.pk))
    if not user.scope.everything:
        found = found.filter(device_group_ids__contained_by=sorted(user.scope.group_ids))
    rules = approvers.approver_rules()
    if not rules and (user.holds(keys.DECIDE_PROTECTED) or not ProtectedAsset.objects.exists()):
        return found
    return found.exclude(pk__in=reasons_not_to_decide(found, user, rules))


def reasons_not_to_decide(
    runs: Iterable[ActionRun], user: User, rules: Sequence[ApproverRule] | None = None
) -> dict[int, str]:
    """By the run's id, why this person may not decide on it; runs that they may decide are left out."""
    pending, now = list(runs), clock.now()
    known = approvers.approver_rules() if rules is None else rules
    found = {
        run.pk: why
        for run in pending
        if (why := _at_sight(run, user) or approvers.why_not(run, user, at=now, rules=known))
    }
    if not user.holds(keys.DECIDE_PROTECTED):
        found = {**_shielded(pending), **found}
    return found


def _at_sight(run: ActionRun, user: User) -> str:
    if run.requester_id == user.pk:
        return "Your own request: it waits for somebody else to decide."
    if not user.scope.everything and not set(run.device_group_ids) <= user.scope.group_ids:
        return "It touches devices outside your device groups."
    missing = next((key for key in get(run.action).decide_permissions if not user.holds(key)), None)
    return f"Deciding needs the right {label_of(missing)}, which none of your roles holds." if missing else ""


def _shielded(runs: Sequence[ActionRun]) -> dict[int, str]:
    """The runs whose target is protected; approving them needs the stronger right."""
    destructive = [run for run in runs if is_destructive(get(run.action))]
    if not destructive or not ProtectedAsset.objects.exists():
        return {}
    found = {}
    for kind, model in MODELS.items():
        ids = {run.target_id for run in destructive if run.target_kind == kind}
        shields = shields_of(model._default_manager.filter(pk__in=ids)) if ids else {}
        for run in destructive:
            if run.target_kind == kind and run.target_id in shields:
                name = shields[run.target_id].asset.get_kind_display()
                found[run.pk] = f"Protected ({name}): deciding needs the right {label_of(keys.DECIDE_PROTECTED)}."
    return found
