"""Deciding on a request: approve, reject, withdraw. A decision is made once, by another person, and sealed."""

from dataclasses import replace
from typing import Any

from django.db import transaction

from accounts.models import User
from core import clock
from core.actors import Actor
from core.wording import unix_lines
from remediation import policy
from remediation.enums import Decision, RunStatus
from remediation.lifecycle import DECISION, announce_run, move_children, move_run, shared_thread
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.evidence import tell_evidence
from remediation.services.refusals import Subject, recording_refusals
from remediation.services.request import clean_comment, queue, seal


def approve_run(run: ActionRun, *, actor: Actor, user: User, comment: str = "") -> ActionRun:
    """Say yes; the run (with its children) is on its way. Raises `Refused`."""
    frozen = replace(actor, person_id=user.pk)
    with (
        recording_refusals(Subject.of_run(run, wanted="approve"), stage="decision", actor=frozen),
        transaction.atomic(),
    ):
        locked = undecided(run)
        policy.enforce(policy.of_decision(locked, actor=frozen, user=user, deed="approve"))
        children = list(locked.children.filter(decision=Decision.PENDING))
        store_decision(locked, children=children, decision=Decision.APPROVED, actor=frozen, comment=comment)
        queue(locked, children=children, actor=frozen)
        tell_evidence(locked, actor=frozen)
    return _refreshed(run)


def reject_run(run: ActionRun, *, actor: Actor, user: User, comment: str) -> ActionRun:
    """Say no, with the reason. Raises `Refused` and `ValidationError`."""
    reason = clean_comment(comment)
    frozen = replace(actor, person_id=user.pk)
    with recording_refusals(Subject.of_run(run, wanted="reject"), stage="decision", actor=frozen), transaction.atomic():
        locked = undecided(run)
        policy.enforce(policy.of_decision(locked, actor=frozen, user=user, deed="reject"))
        _close(locked, Decision.REJECTED, actor=frozen, comment=reason, detail=f"Rejected by {frozen.name}: {reason}")
    return _refreshed(run)


def withdraw_run(run: ActionRun, *, actor: Actor, user: User, comment: str = "") -> ActionRun:
    """Take one's own request back before anybody decided."""
    frozen = replace(actor, person_id=user.pk)
    with (
        recording_refusals(Subject.of_run(run, wanted="withdraw"), stage="decision", actor=frozen),
        transaction.atomic(),
    ):
        locked = undecided(run)
        if locked.requester_id != user.pk:
            raise Refused("forbidden", "Only the person who asked can withdraw a request; others reject it.")
        _close(locked, Decision.WITHDRAWN, actor=frozen, comment=comment, detail=f"Withdrawn by {frozen.name}")
    return _refreshed(run)


def expire_undecided(run: ActionRun, *, actor: Actor) -> bool:
    """Close a request that nobody decided in time; it then counts as rejected. False when it was decided meanwhile."""
    with transaction.atomic():
        locked = ActionRun.objects.select_for_update().get(pk=run.pk)
        if locked.decision != Decision.PENDING or locked.expires_at is None or locked.expires_at > clock.now():
            return False
        _close(locked, Decision.EXPIRED, actor=actor, comment="", detail="Nobody decided within 7 days.")
    return True


def undecided(run: ActionRun) -> ActionRun:
    """The locked row of a request that still waits; raises `Refused`. Inside a transaction."""
    locked = ActionRun.objects.select_for_update(of=("self",)).select_related("incident").get(pk=run.pk)
    if locked.parent_id is not None:
        raise Refused("already_decided", "A part of a file action is decided on with the whole.", run=locked.parent)
    if locked.decision != Decision.PENDING:
        label = Decision(locked.decision).label.lower()
        raise Refused("already_decided", f"{locked.number} is decided already: {label}.", run=locked)
    if locked.expires_at is not None and locked.expires_at <= clock.now():
        raise Refused("expired", f"{locked.number} was to be decided by {locked.expires_at:%Y-%m-%d %H:%M} UTC.")
    return locked


def store_decision(
    run: ActionRun, *, children: list[ActionRun], decision: Decision, actor: Actor, comment: str
) -> None:
    """Write the decision on the whole and its parts down, and seal it."""
    said = unix_lines(comment)
    also: dict[str, Any] = {
        "decided_by": actor.as_json(),
        "decided_at": clock.now(),
        "decision_comment": said.replace("\x00", ""),
    }
    DECISION.move(run, decision, actor=actor, thread=run.thread, reason=said, **also)
    if children:
        DECISION.move_many(children, decision, actor=actor, thread=shared_thread(children), reason=said, **also)
    for one in (run, *children):
        one.decision_seal = seal(one)
    ActionRun.objects.bulk_update([run, *children], ["decision_seal"], batch_size=200)


def _close(run: ActionRun, decision: Decision, *, actor: Actor, comment: str, detail: str) -> None:
    status = RunStatus.EXPIRED if decision == Decision.EXPIRED else RunStatus.CANCELLED
    children = list(run.children.filter(decision=Decision.PENDING))
    store_decision(run, children=children, decision=decision, actor=actor, comment=comment)
    move_children([one for one in children if one.status == RunStatus.WAITING], status, actor=actor, detail=detail)
    move_run(run, status, actor=actor, detail=detail)
    tell_evidence(run, actor=actor)


def _refreshed(run: ActionRun) -> ActionRun:
    run.refresh_from_db()
    announce_run(run)
    return run
