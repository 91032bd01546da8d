"""What is in force as asked for already: asking anew would change nothing, and would stand in the way of others."""

from collections.abc import Mapping
from typing import Any

from accounts.models import User
from remediation.catalog import Action, get
from remediation.models import ActionRun, ControlState
from remediation.policy import Target
from remediation.refused import Refused


def check_redundant(
    action: Action, target: Target, arguments: Mapping[str, Any], *, facet_key: str, user: User | None
) -> None:
    """Raises `Refused` when exactly this was done and is seen there. After drift it may be asked for again, and so may
    what has an end, or depends on more than what is read back."""
    if not _is_read_back_whole(action):
        return
    run = _keeps(action, target, facet_key)
    if run is None or run.action != action.key or run.arguments != dict(arguments):
        return
    seen = user is None or ActionRun.objects.visible_to(user).filter(pk=run.pk).exists()
    by = f", by {run.number}" if seen else ""
    raise Refused(
        "already_in_force", f"{target} is {action.done.lower()} already{by}.", run=run if seen else None,
        inputs={"facet": action.facet.value, **({"run": run.pk} if seen else {})},
    )  # fmt: skip


def only_changes_what_is_in_force(run: ActionRun) -> bool:
    """Whether what it leads to is there without it: when it goes, nothing that is withheld becomes free."""
    state = _state(run.target_kind, run.target_id, run.facet, run.facet_key)
    return state is not None and state.observed == get(run.action).wanted_of(run.arguments)


def _is_read_back_whole(action: Action) -> bool:
    plain = not (action.fans_out or action.in_portal or action.by_order or action.facet_argument)
    return action.in_force and plain and {one.name for one in action.parameters} <= set(action.wanted_arguments)


def _keeps(action: Action, target: Target, facet_key: str) -> ActionRun | None:
    """The run whose state was seen there."""
    state = _state(str(target.kind), target.pk, action.facet, facet_key)
    if state is None or state.run_id is None or state.observed != action.wanted:
        return None
    return ActionRun.objects.filter(pk=state.run_id).first()


def _state(kind: str, pk: int, facet: str, facet_key: str) -> ControlState | None:
    """What is in force there, when what was seen last is what is wanted."""
    state = ControlState.objects.filter(target_kind=kind, target_id=pk, facet=facet, facet_key=facet_key).first()
    agrees = state is not None and state.desired == state.observed and not state.is_drifting
    return state if agrees else None
