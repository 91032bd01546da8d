"""From a wish to exactly what would be done to which remote object; asked by request and preview alike."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import User
from core.actors import Actor
from incidents.models import Incident
from remediation import policy
from remediation.catalog import Action, get, is_known
from remediation.enums import OPEN_STATUSES, RequesterKind, Source
from remediation.models import ActionRun
from remediation.policy import Bound, Child, Reach, Target
from remediation.policy.copies import taken_by_itself
from remediation.services.redundant import check_redundant
from remediation.services.snapshots import with_snapshot
from remediation.taken_back import DONE, taken_back


@dataclass(frozen=True, slots=True)
class Plan:
    """One run to be: a single order with `bound`, or a parent with `children` (of which some may have no `bound`).

    `left_out` counts devices that the person may not act on. `approval` says whom it waits for, `waits` what else has
    to happen first. `held` is the open run whose place it takes.
    """

    action: Action
    target: Target
    arguments: dict[str, Any]
    facet_key: str
    reach: Reach
    undoes: ActionRun | None = None
    needs_approval: bool = True
    waits: tuple[str, ...] = ()
    approval: str = ""
    asset_class: str = ""
    requester_kind: RequesterKind = RequesterKind.PERSON
    held: ActionRun | None = None

    @property
    def bound(self) -> Bound | None:
        return self.reach.bound

    @property
    def children(self) -> list[Child]:
        return self.reach.children

    @property
    def left_out(self) -> int:
        return self.reach.left_out

    @property
    def simulated(self) -> bool:
        bound = [self.bound, *(child.bound for child in self.children)]
        return any(one.simulated for one in bound if one is not None)

    @property
    def group_ids(self) -> list[int]:
        return self.reach.group_ids


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
    *,
    target: Target,
    arguments: dict[str, Any],
    user: User | None,
    actor: Actor,
    incident: Incident | None,
    undoes: ActionRun | None,
    source: str = Source.MANUAL,
    dry: bool = False,
) -> Plan:
    """Everything policy must say yes to before a request is stored; raises `Refused` with the first no.

    `arguments` are the action's own, already cleaned. With `dry` nothing is locked.
    """
    part = action.fans_out and undoes is not None and bool(undoes.facet_key)
    # Where devices took copies by themselves there is more to give back than what one run did.
    if undoes is None and not arguments.get("copy") and not taken_by_itself(target):
        undoes = taken_back_by(action, target, action.facet_key(arguments))
    question = policy.of_request(
        action, target, arguments, actor=actor, user=user, source=source, incident=incident, undoes=undoes, dry=dry
    )
    told = policy.enforce(question)
    reach: Reach = told["reach"].value
    frozen = dict(undoes.arguments) if part and undoes is not None else with_snapshot(action, target, arguments)
    check_redundant(action, target, frozen, facet_key=question.facet_key, user=user)
    return Plan(
        action,
        target,
        frozen,
        question.facet_key,
        reach=reach,
        undoes=undoes,
        needs_approval=told["approval"].waits,
        waits=tuple(one.says for key, one in told.items() if one.waits and key != "approval"),
        approval=told["approval"].says,
        asset_class=question.asset_class.value if policy.is_destructive(action) else "",
        requester_kind=question.requester_kind,
        held=told["free"].value,
    )


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
