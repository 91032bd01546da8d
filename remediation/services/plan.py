"""From a wish to exactly what would be done to which remote object; asked by request and preview alike."""

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import User
from incidents.models import Device, File, Incident
from remediation import policy
from remediation.catalog import Action, get, is_known
from remediation.enums import OPEN_STATUSES, Approval
from remediation.models import ActionRun
from remediation.policy import Bound, Target
from remediation.refused import Refused
from remediation.services.fan_out import Child, plan_children
from remediation.taken_back import DONE, taken_back


@dataclass(frozen=True, slots=True)
class Plan:
    """One run to be: a single order with `bound`, or a parent with `children` (of which some may have no `bound`).

    `left_out` counts devices that the person may not act on.
    """

    action: Action
    target: Target
    arguments: dict[str, Any]
    facet_key: str
    bound: Bound | None = None
    children: list[Child] = field(default_factory=list)
    left_out: int = 0
    undoes: ActionRun | None = None

    @property
    def simulated(self) -> bool:
        bound = [self.bound, *(child.bound for child in self.children)]
        return any(one.simulated for one in bound if one is not None)

    @property
    def group_ids(self) -> list[int]:
        if self.children:
            return sorted({child.device.device_group_id for child in self.children})
        return policy.groups_of(self.target)

    @property
    def approval(self) -> Approval:
        return self.action.approval


def declared_action(key: str, target: Target, undoes: ActionRun | None = None) -> Action:
    """The declaration, checked against the target's kind; raises `ValidationError`."""
    if not is_known(key):
        raise ValidationError({"action": f"There is no action {key[:60]!r}."})
    action = get(key)
    part_of_file_action = undoes is not None and action.acts_on == target.kind
    if target.kind != action.target_kind and not part_of_file_action:
        raise ValidationError({"target": f"{action.label} needs a {action.target_kind}, not a {target.kind}."})
    return action


def make_plan(
    action: Action,
    target: Target,
    arguments: dict[str, Any],
    *,
    user: User,
    incident: Incident | None,
    undoes: ActionRun | None,
) -> Plan:
    """Everything policy must say yes to before a request is stored; raises `Refused` with the first no.

    `arguments` are the action's own, already cleaned.
    """
    to_do = f"ask to {action.label[0].lower()}{action.label[1:]}"
    policy.check_permissions(user, action.request_permissions, to_do=to_do)
    policy.check_target_in_scope(user, target, to_do=to_do)
    policy.check_incident(user, incident)
    if isinstance(target, File):
        children, left_out = plan_children(action, target, user=user, undoes=undoes)
        return Plan(action, target, arguments, "", children=children, left_out=left_out, undoes=undoes)
    if action.fans_out and undoes is not None and isinstance(target, Device):
        bound = policy.resolve(action, target)
        return Plan(action, target, dict(undoes.arguments), undoes.facet_key, bound=bound, undoes=undoes)
    bound = None if action.in_portal else policy.resolve(action, target)
    facet_key = action.facet_key(arguments)
    undoes = undoes or taken_back_by(action, target, facet_key)
    return Plan(action, target, arguments, facet_key, bound=bound, undoes=undoes)


def taken_back_by(action: Action, target: Target, facet_key: str) -> ActionRun | None:
    """The run that an inverse action takes back: the last one that was done on this facet, when it is the opposite."""
    if action.in_force or action.undo in {"", action.key}:
        return None
    last = (
        ActionRun.objects.filter(
            target_kind=target.kind, target_id=target.pk, facet=action.facet, facet_key=facet_key, status__in=DONE
        )
        .order_by("-ended", "-id")
        .first()
    )
    return last if last is not None and last.action == action.undo and not taken_back(last).is_claimed else None


def open_run(plan: Plan) -> ActionRun | None:
    """The run that holds the facet, if any."""
    return ActionRun.objects.filter(
        target_kind=plan.target.kind,
        target_id=plan.target.pk,
        facet=plan.action.facet,
        facet_key=plan.facet_key,
        status__in=OPEN_STATUSES,
    ).first()


def conflict(run: ActionRun) -> Refused:
    return Refused(
        "conflict",
        f"{run.number} ({get(run.action).label.lower()}) is still open on {run.target_name}.",
        run=run,
    )
