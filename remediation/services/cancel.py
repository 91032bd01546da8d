"""Stopping what is on its way, as far as it can still be stopped."""

from dataclasses import replace

from django.db import transaction

from accounts.models import User
from connectors.services.cancel import Cancelled, cancel_delivery
from core import audit
from core.actors import Actor
from remediation import policy
from remediation.catalog import get
from remediation.enums import Decision, RunStatus
from remediation.lifecycle import DECISION, announce_run, move_run
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.control import give_up_desired
from remediation.services.deliveries import delivery_of
from remediation.services.evidence import tell_evidence
from remediation.services.fan_out import derive_parent
from remediation.services.notes import note
from remediation.services.plan import Plan, open_run
from remediation.services.redundant import only_changes_what_is_in_force
from remediation.services.refusals import Subject, recording_refusals


def cancel_run(run: ActionRun, *, actor: Actor, user: User, comment: str = "") -> ActionRun:
    """Cancel at once what has not left, ask the remote side about the rest; the run's status tells what came of it.

    The requester may cancel what has not been handed over; otherwise it takes the right to decide on the action.
    """
    frozen = replace(actor, person_id=user.pk)
    with (
        recording_refusals(Subject.of_run(run, wanted="cancel"), stage="execution", actor=frozen),
        transaction.atomic(),
    ):
        parts, locked = _lock_all(run)
        if not locked.is_open:
            label = RunStatus(locked.status).label.lower()
            raise Refused("already_ended", f"{locked.number} has ended: {label}.", run=locked)
        _check_may_cancel(locked, user)
        _cancel_all(parts, locked, actor=frozen, comment=comment)
    run.refresh_from_db()
    announce_run(run)
    return run


def cancel_by_portal(run: ActionRun, *, actor: Actor, comment: str) -> ActionRun:
    """Stop what nobody ratified, as far as it can still be stopped. Inside a transaction."""
    parts, locked = _lock_all(run)
    if locked.is_open:
        _cancel_all(parts, locked, actor=actor, comment=comment)
    run.refresh_from_db()
    announce_run(run)
    return run


def _lock_all(run: ActionRun) -> tuple[list[ActionRun], ActionRun]:
    """Parts before the whole, as workers do, or the two would wait for each other."""
    parts = list(ActionRun.objects.select_for_update().filter(parent=run.pk).order_by("pk"))
    return parts, ActionRun.objects.select_for_update(of=("self",)).select_related("incident").get(pk=run.pk)


def _cancel_all(parts: list[ActionRun], whole: ActionRun, *, actor: Actor, comment: str) -> None:
    targets = [part for part in parts if part.is_open] or [whole]
    for one in targets:
        _cancel_one(one, actor=actor, comment=comment)
    if targets != [whole]:
        _cancel_parent(whole, actor=actor, comment=comment)
    elif whole.parent_id:
        derive_parent(whole.parent_id, actor=actor)


def _check_may_cancel(run: ActionRun, user: User) -> None:
    action = get(run.action)
    to_do = f"cancel: {action.label.lower()}"
    policy.check_run_in_scope(user, run, to_do=to_do)
    own_and_here = run.requester_id == user.pk and run.status in {RunStatus.WAITING, RunStatus.QUEUED}
    policy.check_permissions(
        user, action.request_permissions if own_and_here else action.decide_permissions, to_do=to_do
    )


def _cancel_one(run: ActionRun, *, actor: Actor, comment: str) -> None:
    detail = f"Cancelled by {actor.name}" + (f": {comment}" if comment else "")
    delivery = delivery_of(run)
    answer = cancel_delivery(delivery, actor=actor) if delivery is not None else Cancelled.AT_ONCE
    if answer == Cancelled.AT_ONCE:
        _end(run, detail, actor=actor)
    else:
        note(run, f"{actor.name} asked to cancel; the remote side is asked.", origin=f"cancel-{run.version}")
        audit.record("run.cancel_asked", subject=f"run:{run.pk}", thread=run.thread, actor=actor, reason=comment)


def _cancel_parent(parent: ActionRun, *, actor: Actor, comment: str) -> None:
    if parent.status == RunStatus.WAITING:
        _end(parent, f"Cancelled by {actor.name}" + (f": {comment}" if comment else ""), actor=actor)
    else:
        derive_parent(parent.pk, actor=actor)


def _end(run: ActionRun, detail: str, *, actor: Actor) -> None:
    if run.decision == Decision.PENDING:
        DECISION.move(run, Decision.WITHDRAWN, actor=actor, thread=run.thread, reason=detail)
    move_run(run, RunStatus.CANCELLED, actor=actor, detail=detail)
    give_up_desired(run, actor=actor, target=policy.target_of(run))
    tell_evidence(run, actor=actor)


def supersede(plan: Plan, *, actor: Actor, user: User) -> None:
    """Make room on the facet: an inverse action cancels its opposite that has not left yet, anything else conflicts.

    It takes the right to cancel, unless the opposite only waits for a decision on what is in force without it.
    """
    held = open_run(plan)
    if held is None:
        return
    opposite = held.action == plan.action.undo and not plan.action.in_force and not plan.children
    delivery = delivery_of(held)
    if not opposite or held.status not in {RunStatus.WAITING, RunStatus.QUEUED}:
        raise policy.conflict(held)
    undecided = held.decision == Decision.PENDING
    try:
        if undecided and only_changes_what_is_in_force(held):
            policy.check_run_in_scope(user, held, to_do=f"ask to {plan.action.label.lower()}")
        else:
            _check_may_cancel(held, user)
    except Refused:
        raise policy.conflict(held) from None
    locked = ActionRun.objects.select_for_update().get(pk=held.pk)
    decided_meanwhile = undecided and locked.decision != Decision.PENDING
    if (
        not locked.is_open
        or decided_meanwhile
        or (delivery is not None and cancel_delivery(delivery, actor=actor) != Cancelled.AT_ONCE)
    ):
        raise policy.conflict(held)
    _end(locked, f"Superseded: {actor.name} asked to {plan.action.label.lower()}", actor=actor)
