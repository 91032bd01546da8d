"""Reconciling a drift: what could be done about it, and doing it when a person says so, by an ordinary request."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from connectors.services.halt import in_force as halt_in_force
from core import audit, clock
from core.actors import Actor, ActorKind
from remediation import policy
from remediation.catalog import get, inverse_of
from remediation.enums import OPEN_STATUSES, Source
from remediation.lifecycle import announce_run
from remediation.models import ActionRun, ControlState, Hold
from remediation.policy import Target
from remediation.refused import Refused
from remediation.services.control import show_state
from remediation.services.preview import Preview, preview_action
from remediation.services.request import clean_comment, request_action
from remediation.services.undo import check_undoable, undo_run


class Way(StrEnum):
    REAPPLY = "reapply"  # ask for the same action again
    ACCEPT = "accept"  # what was seen is what is wanted from now on
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the portal would do about one drift, why, and which ways are open to this person. A way that is closed says
    why in `why_not`; `asks` is what re-applying would do and who must approve."""

    state: ControlState
    run: ActionRun
    way: Way
    why: str
    why_not: dict[Way, str]
    asks: Preview | None = None

    @property
    def open_ways(self) -> list[Way]:
        return [way for way in (Way.REAPPLY, Way.ACCEPT) if not self.why_not.get(way)]


def propose(states: Iterable[ControlState], user: User) -> list[Proposal]:
    """For each drift of these that belongs to a run this person may see. Changes nothing."""
    drifting = [state for state in states if state.is_drifting and state.run_id]
    runs = ActionRun.objects.visible_to(user).select_related("incident", "parent", "undoes").distinct()
    known = runs.in_bulk([state.run_id for state in drifting if state.run_id])
    return [_propose(state, known[state.run_id], user) for state in drifting if state.run_id in known]


def _propose(state: ControlState, run: ActionRun, user: User) -> Proposal:
    nothing = _why_nothing(state)
    asks, no_more = _again(run, user)
    why_not = {Way.REAPPLY: nothing or no_more, Way.ACCEPT: _why_not_accept(state, run, user)}
    held = _hold_words(state)
    if nothing or held or no_more:
        return Proposal(state, run, Way.NOTHING, nothing or held or no_more, why_not, asks)
    why = f"{state.detail} Nothing stands against asking for it again."
    return Proposal(state, run, Way.REAPPLY, why, why_not, asks)


def _why_nothing(state: ControlState) -> str:
    """What makes any act wrong at this moment."""
    if halt_in_force() is not None:
        return "Everything is stopped: nothing is asked for until somebody resumes."
    open_run = ActionRun.objects.filter(**_facet(state), status__in=OPEN_STATUSES).first()
    return f"{open_run.number} is open there already." if open_run else ""


def _hold_words(state: ControlState) -> str:
    """A person's undo is respected: the portal proposes nothing, though a person may choose otherwise."""
    hold = Hold.objects.filter(**_facet(state), lifted_at=None).first()
    return f"{hold.by.get('name', '')} took it back by hand; what a person undid is not redone." if hold else ""


def _again(run: ActionRun, user: User) -> tuple[Preview | None, str]:
    """The request that would put it in force again, and why it cannot be made; empty when it can."""
    try:
        target = _target_again(run)
        asks = preview_action(run.action, target, _own_arguments(run), user)
    except Refused as refused:
        return None, refused.message
    except ValidationError as error:
        return None, " ".join(error.messages)
    return asks, " ".join(blocker.message for blocker in asks.blockers)


def _target_again(run: ActionRun) -> Target:
    """A part of a file action is asked for again with the file: wherever it lies."""
    action = get(run.action)
    if action.fans_out and run.facet_key and run.parent is None:
        raise Refused("unsupported", "A part of an action on many devices can only be asked for with the whole.")
    return policy.target_of(run.parent if run.facet_key and run.parent is not None else run)


def _own_arguments(run: ActionRun) -> dict[str, Any]:
    """What a person gave: of a part, with the whole."""
    action = get(run.action)
    given = run.parent if action.fans_out and run.facet_key and run.parent is not None else run
    return action.own(given.arguments)


def _why_not_accept(state: ControlState, run: ActionRun, user: User) -> str:
    if not state.observed:
        return "Nothing was seen that could be accepted."
    if _by_inverse(state, run):
        try:
            check_undoable(run)
        except Refused as refused:
            return refused.message
        return _lacks(user, get(run.action).request_permissions)
    return _lacks(user, get(run.action).decide_permissions)


def _by_inverse(state: ControlState, run: ActionRun) -> bool:
    """What was seen is what the inverse action leads to: accepting it is that action, with its approval."""
    inverse = inverse_of(get(run.action))
    return inverse is not None and inverse.wanted == state.observed


def _lacks(user: User, permissions: Iterable[str]) -> str:
    try:
        policy.check_permissions(user, tuple(permissions), to_do="accept what was seen")
    except Refused as refused:
        return refused.message
    return ""


def reconcile(
    state: ControlState, *, way: Way, actor: Actor, user: User, comment: str, source: str = Source.MANUAL
) -> ActionRun | None:
    """Do it, because a person says so. Answers the run that was asked for; None when the portal only writes down what
    is wanted from now on. Raises `Refused` and `ValidationError`."""
    reason = clean_comment(comment)
    state.refresh_from_db()
    found = next(iter(propose([state], user)), None)
    if found is None:
        raise Refused("nothing_to_do", "It does not drift any more.")
    if way == Way.NOTHING:
        raise Refused("nothing_to_do", "To do nothing needs no confirmation.")
    if refusal := found.why_not.get(way):
        raise Refused("nothing_to_do", refusal)
    run = found.run
    if way == Way.REAPPLY:
        target = _target_again(run)
        return request_action(
            run.action, target=target, arguments=_own_arguments(run), comment=reason, actor=actor, user=user,
            incident=run.incident, source=source,
        )  # fmt: skip
    if _by_inverse(state, run):
        return undo_run(run, actor=actor, user=user, comment=reason, source=source)
    _accept(state, run, actor=replace(actor, person_id=user.pk), user=user, reason=reason)
    return None


def _accept(state: ControlState, run: ActionRun, *, actor: Actor, user: User, reason: str) -> None:
    """No order leads to what was seen (a file that is gone), so it is only written down."""
    policy.check_permissions(user, get(run.action).decide_permissions, to_do="accept what was seen")
    policy.check_run_in_scope(user, run, to_do="accept what was seen")
    if actor.kind != ActorKind.PERSON:
        raise Refused("forbidden", "Only a person accepts what was seen; a token never does.")
    with transaction.atomic():
        held = ControlState.objects.select_for_update().get(pk=state.pk)
        if not held.is_drifting or held.observed != state.observed:
            raise Refused("nothing_to_do", "It is not what was looked at any more.")
        before = held.desired
        held.desired, held.by, held.since = held.observed, actor.name, clock.now()
        held.drift_since, held.detail = None, ""
        held.generation += 1
        held.save()
        show_state(held, run=run, actor=actor)
        audit.record(
            "control.accepted", subject=f"run:{run.pk}", thread=run.thread, actor=actor, reason=reason,
            changes={"desired": (before, held.desired)},
            data={"target": f"{held.target_kind}:{held.target_id}", "facet": held.facet},
        )  # fmt: skip
        announce_run(run)


def _facet(state: ControlState) -> dict[str, object]:
    return {"target_kind": state.target_kind, "target_id": state.target_id, "facet": state.facet,
            "facet_key": state.facet_key}  # fmt: skip
