"""What this person may do with a run, as the pages say it; the services check again."""

from accounts.models import User
from core.permissions import registered
from remediation import policy
from remediation.catalog import registry
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.undo import check_undoable


def why_may_not_decide(run: ActionRun, user: User) -> str:
    """Why not, in a sentence; empty when they may."""
    return policy.reasons_not_to_decide([run], user).get(run.pk, "")


def why_may_not_undo(run: ActionRun, user: User) -> str:
    """Why not, in a sentence; empty when they may ask for it."""
    inverse = registry.inverse_of(registry.get(run.action))
    if inverse is None:
        return registry.get(run.action).why_no_undo
    try:
        check_undoable(run)
    except Refused as refused:
        return refused.message
    return _lacking(user, inverse.request_permissions, "Undoing this")


def _lacking(user: User, permissions: tuple[str, ...], deed: str) -> str:
    missing = next((key for key in permissions if not user.holds(key)), None)
    if missing is None:
        return ""
    label = next((permission.label for permission in registered() if permission.key == missing), missing)
    return f"{deed} needs the right {label}, which none of your roles holds."
