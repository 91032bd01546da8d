"""What a dialog says before anybody confirms: effects, who must approve, how it is checked and taken back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import User
from connectors.services.preflight import preflight
from core.wording import counted
from incidents.models import Identity, Incident
from remediation.catalog import Action, inverse_of
from remediation.enums import Facet
from remediation.models import ActionRun
from remediation.policy import Target
from remediation.policy.peers import account_of
from remediation.refused import Refused
from remediation.services.cautions import Intended, cautions
from remediation.services.deciders import who_could_decide
from remediation.services.plan import Plan, declared_action, make_plan

APPROVAL_BY = "Another person with the right to manage responses must approve."
NOBODY = (
    "Nobody can approve it now: no active person but you holds the right for everything that it touches. It would wait "
    "until somebody does."
)
NO_APPROVAL = "Nobody has to approve: it starts at once."
MOST_NAMED = 6
SIMULATED = "The target belongs to a simulated company: nothing happens to a real system (SIMULATED)."


def approval_in_words(whom: str, could: str = "") -> str:
    """`could` says who can approve now."""
    return " ".join(filter(None, [whom, could, "The request expires after 7 days."]))


@dataclass(frozen=True, slots=True)
class Blocker:
    """Why it cannot be asked for now; `link` and `run` point at the open run of a conflict."""

    code: str
    message: str
    link: str | None = None
    run: ActionRun | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """All texts are for people. With `blockers` the request would be refused."""

    action: Action
    target_name: str
    effects: tuple[str, ...]
    approval: str
    needs_approval: bool
    checked_by: str
    undo: str
    warnings: tuple[str, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    simulated: bool = False
    targets: tuple[str, ...] = ()
    reach: str = ""

    @property
    def allowed(self) -> bool:
        return not self.blockers


def preview_action(
    action: str,
    target: Target,
    arguments: Mapping[str, Any] | None,
    user: User,
    *,
    incident: Incident | None = None,
    undoes: ActionRun | None = None,
) -> Preview:
    """What `request_action` with the same words would do and say. Changes nothing; raises `ValidationError`.

    Arguments that are still missing are filled with their defaults, because a dialog opens before they are chosen.
    """
    declared = declared_action(action, target, undoes)
    cleaned = _lenient(declared, arguments or {})
    base = Preview(
        action=declared,
        target_name=str(target),
        effects=(*declared.sentences(target=str(target), arguments=cleaned), *_known_there(declared, target)),
        approval=approval_in_words(APPROVAL_BY) if declared.needs_approval else NO_APPROVAL,
        needs_approval=declared.needs_approval,
        checked_by=declared.checked_by,
        undo=_undo_sentence(declared),
    )
    try:
        plan = make_plan(
            declared,
            target=target,
            arguments=cleaned,
            user=user,
            actor=user.actor,
            incident=incident,
            undoes=undoes,
            dry=True,
        )
    except Refused as refusal:
        return replace(base, blockers=(Blocker(refusal.code, refusal.message, refusal.link, refusal.run),))
    return _with_plan(base, plan, user, incident)


def _known_there(declared: Action, target: Target) -> tuple[str, ...]:
    """An account has another name in the portal than on hosts; who confirms sees which one is meant."""
    if declared.facet != Facet.ACCOUNTS or not isinstance(target, Identity):
        return ()
    return (
        f"On devices it is called \N{LEFT DOUBLE QUOTATION MARK}{account_of(target)}\N{RIGHT DOUBLE QUOTATION MARK}.",
    )


def _lenient(action: Action, arguments: Mapping[str, Any]) -> dict[str, str]:
    cleaned = {}
    for parameter in action.parameters:
        try:
            cleaned[parameter.name] = parameter.clean(arguments.get(parameter.name))
        except ValidationError:
            if arguments.get(parameter.name):
                raise
    return cleaned


def reach_in_words(touched: Sequence[tuple[str, Mapping[str, Any]]], unnamed: int = 0) -> str:
    """How much an action on many touches, and where: `2 devices (ada, bob), 3 known copies`. Each part is told by its
    device and its arguments; of `unnamed` parts only the number is told."""
    number = len(touched) + unnamed
    if not number:
        return ""
    names = ", ".join(name for name, _ in touched[:MOST_NAMED])
    left = number - min(len(touched), MOST_NAMED)
    more = f"{' and ' if names else ''}{left} more" if left else ""
    places = sum(len(arguments.get("items") or arguments.get("paths") or ()) for _, arguments in touched)
    copies = f", {counted(places, 'known copy', 'known copies')}" if places else ""
    return f"{counted(number, 'device')} ({names}{more}){copies}."


def _undo_sentence(action: Action) -> str:
    inverse = inverse_of(action)
    if inverse is not None and inverse.key == action.key:
        return "Taken back by giving it the former value."
    return f"Taken back by: {inverse.label.lower()}." if inverse else f"Cannot be undone: {action.why_no_undo}"


def _with_plan(base: Preview, plan: Plan, user: User, incident: Incident | None) -> Preview:
    held = plan.held
    could = who_could_decide(_draft(plan), user, target=plan.target, incident=incident) if plan.needs_approval else ""
    nobody = plan.needs_approval and not could
    warnings = [*([SIMULATED] if plan.simulated else []), *([NOBODY] if nobody else []), *plan.waits]
    if held is not None:
        warnings.append(f"{held.number} has not left yet and is cancelled by this.")
    if plan.left_out:
        warnings.append(f"{plan.left_out} more devices lie outside your scope and are left out.")
    skipped = [child for child in plan.children if child.bound is None]
    if skipped:
        warnings.append(f"{len(skipped)} of {len(plan.children)} devices cannot be acted on and are skipped.")
    touched = [(str(child.device), child.arguments) for child in plan.children if child.bound]
    warnings.extend(cautions(Intended(plan.action, plan.target, plan.arguments, plan.simulated, len(touched))))
    blockers: list[Blocker] = []
    if plan.bound is not None:
        ahead = preflight(
            plan.bound.connection,
            plan.action.key,
            plan.target.kind,
            plan.bound.remote_id,
            name=str(plan.target),
            arguments=plan.arguments,
        )
        warnings.extend(ahead.warnings)
        blockers = [Blocker("unsupported", text) for text in ahead.blockers]
    return replace(
        base,
        warnings=tuple(warnings),
        blockers=tuple(blockers),
        simulated=plan.simulated,
        targets=tuple(name for name, _ in touched),
        reach=reach_in_words(touched),
        needs_approval=plan.needs_approval,
        approval=approval_in_words(plan.approval, could) if plan.needs_approval else NO_APPROVAL,
    )


def _draft(plan: Plan) -> ActionRun:
    """The run that it would be, never saved."""
    return ActionRun(
        action=plan.action.key, target_kind=plan.target.kind, target_id=plan.target.pk, target_name=str(plan.target),
        device_group_ids=plan.group_ids, facet=plan.action.facet, arguments=plan.arguments,
        requester_kind=plan.requester_kind,
    )  # fmt: skip
