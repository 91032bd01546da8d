"""Asking for an action. The run that comes back waits for a decision, or is on its way already."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from core import audit, clock, jobs
from core.actors import Actor
from core.personal import in_history
from core.wording import unix_lines
from incidents.models import Incident
from remediation import policy
from remediation.catalog import get
from remediation.enums import Decision, RunStatus, Source
from remediation.lifecycle import announce_run, move_children, move_run
from remediation.models import ActionRun
from remediation.policy import Child, Target
from remediation.refused import Refused
from remediation.services.cancel import supersede
from remediation.services.evidence import tell_evidence
from remediation.services.execute import advance_run
from remediation.services.notes import note
from remediation.services.plan import Plan, declared_action, make_plan, open_run
from remediation.services.refusals import Subject, recording_refusals
from remediation.services.tell_of import tell_waiting

DECIDE_WITHIN = timedelta(days=7)
MAX_COMMENT = 4_000


def request_action(
    action: str,
    *,
    target: Target,
    arguments: Mapping[str, Any] | None = None,
    comment: str,
    actor: Actor,
    user: User,
    incident: Incident | None = None,
    source: str = Source.MANUAL,
    undoes: ActionRun | None = None,
) -> ActionRun:
    """Ask for `action` (a key of the catalogue) on one target.

    `user` is whose rights count, `actor` who is on record. Raises `ValidationError` (a field is wrong) and `Refused`
    (policy says no; `refused.run` is the open run of a conflict).
    """
    declared = declared_action(action, target, undoes)
    own_arguments = undoes is not None and declared.fans_out and bool(undoes.facet_key)
    cleaned = {} if own_arguments else declared.clean(arguments or {})
    reason = clean_comment(comment)
    frozen = replace(actor, person_id=user.pk)
    subject = Subject.of_request(action, target, incident, arguments=cleaned, comment=reason[:300])
    with recording_refusals(subject, stage="request", actor=frozen), transaction.atomic():
        plan = make_plan(
            declared,
            target=target,
            arguments=cleaned,
            user=user,
            actor=frozen,
            incident=incident,
            undoes=undoes,
            source=source,
        )
        supersede(plan, actor=frozen, user=user)
        return store_plan(plan, comment=reason, actor=frozen, user=user, incident=incident, source=Source(source))


def clean_comment(comment: object, *, label: str = "Reason") -> str:
    """The reason of a person: needed, at most 4,000 characters."""
    text = unix_lines(comment).replace("\x00", "").strip() if isinstance(comment, str) else ""
    if not text:
        raise ValidationError({"comment": f"{label}: say why."})
    if len(text) > MAX_COMMENT:
        raise ValidationError({"comment": f"{label}: at most {MAX_COMMENT:,} characters."})
    return text


def store_plan(
    plan: Plan, *, comment: str, actor: Actor, user: User | None, incident: Incident | None, source: Source
) -> ActionRun:
    """Make the run of a plan that policy agreed to; without a person it is the portal itself that asks."""
    run = _draft(plan, comment=comment, actor=actor, user=user, incident=incident, source=source)
    try:
        with transaction.atomic():
            run.save()
    except IntegrityError:
        held = open_run(plan)
        if held is None:
            raise
        raise policy.conflict(held) from None
    children = _store_children(run, plan)
    _finish(run)
    audit.record(
        "run.requested",
        subject=f"run:{run.pk}",
        thread=run.thread,
        actor=actor,
        reason=comment,
        data={
            "action": run.action,
            "target": f"{run.target_kind}:{run.target_id}",
            "target_name": in_history(run.target_kind, run.target_id, run.target_name),
            "arguments": run.arguments,
            "decision": run.decision,
            "children": len(children),
            "left_out": plan.left_out,
            "undoes": run.undoes_id,
        },
    )
    if plan.left_out:
        note(run, f"{plan.left_out} devices outside the requester's scope are left out.", origin="left-out")
    if run.decision == Decision.NOT_REQUIRED:
        queue(run, children=children, actor=actor)
    tell_evidence(run, actor=actor)
    announce_run(run)
    tell_waiting(run, actor=actor)
    return run


def _draft(
    plan: Plan, *, comment: str, actor: Actor, user: User | None, incident: Incident | None, source: Source
) -> ActionRun:
    needed = plan.needs_approval
    return ActionRun(
        action=plan.action.key,
        target_kind=plan.target.kind,
        target_id=plan.target.pk,
        target_name=str(plan.target)[:320],
        facet=plan.action.facet,
        facet_key=plan.facet_key,
        arguments=plan.arguments,
        comment=comment,
        incident=incident,
        undoes=plan.undoes,
        source=source,
        device_group_ids=plan.group_ids,
        requested_by=actor.as_json(),
        requester_id=user.pk if user else None,
        decision=Decision.PENDING if needed else Decision.NOT_REQUIRED,
        expires_at=clock.now() + DECIDE_WITHIN if needed else None,
        status=RunStatus.WAITING,
        connection=plan.bound.connection if plan.bound else None,
        remote_id=plan.bound.remote_id if plan.bound else "",
        simulated=plan.simulated,
        asset_class="" if plan.children and not plan.action.by_peers else plan.asset_class,
        requester_kind=plan.requester_kind,
        exercise=plan.target.exercise,
    )


def _finish(run: ActionRun) -> None:
    """What needs the row's own number: the digest, and the seal of a run that nobody has to decide on."""
    run.argument_digest = policy.digest_of(run)
    if run.decision == Decision.NOT_REQUIRED:
        run.decision_seal = seal(run)
    run.save(update_fields=["argument_digest", "decision_seal"])


def seal(run: ActionRun) -> str:
    """The seal of its decision as it stands."""
    return policy.seal_of(run)


def _store_children(parent: ActionRun, plan: Plan) -> list[ActionRun]:
    counts_as = "" if plan.action.by_peers else plan.asset_class
    children = [draft_child(parent, child, counts_as) for child in plan.children]
    try:
        with transaction.atomic():
            ActionRun.objects.bulk_create(children)
    except IntegrityError:
        raise Refused("conflict", f"On one of the devices another run on {parent.target_name} is still open.") from None
    for child in children:
        child.argument_digest = policy.digest_of(child)
        if child.decision == Decision.NOT_REQUIRED:
            child.decision_seal = seal(child)
    ActionRun.objects.bulk_update(children, ["argument_digest", "decision_seal"], batch_size=200)
    return children


def draft_child(parent: ActionRun, child: Child, asset_class: str) -> ActionRun:
    """One part of an action on many, with the parent's decision."""
    skipped = child.bound is None
    return ActionRun(
        action=parent.action,
        target_kind=child.device.kind,
        target_id=child.device.pk,
        target_name=str(child.device)[:320],
        facet=parent.facet,
        facet_key=child.facet_key,
        arguments=child.arguments,
        comment=parent.comment,
        incident=parent.incident,
        parent=parent,
        undoes=child.undoes,
        source=parent.source,
        device_group_ids=[child.device.device_group_id],
        requested_by=parent.requested_by,
        requester_id=parent.requester_id,
        decision=parent.decision,
        status=RunStatus.SKIPPED if skipped else RunStatus.WAITING,
        status_detail=child.why_not[:500],
        ended=clock.now() if skipped else None,
        connection=child.bound.connection if child.bound else None,
        remote_id=child.bound.remote_id if child.bound else "",
        simulated=bool(child.bound and child.bound.simulated),
        asset_class="" if skipped else asset_class,
        requester_kind=parent.requester_kind,
        exercise=parent.exercise,
    )


def queue(run: ActionRun, *, children: list[ActionRun], actor: Actor) -> None:
    """Set a decided run on its way: a single one at once, a parent through its children."""
    waiting = [child for child in children if child.status == RunStatus.WAITING]
    due = clock.real_now()
    move_run(run, RunStatus.QUEUED, actor=actor, next_step_at=None if children else due)
    if not children:
        _set_out(run)
        return
    move_children(waiting, RunStatus.QUEUED, actor=actor, next_step_at=due)
    jobs.wake("remediation.tasks.advance_runs")


def _set_out(run: ActionRun) -> None:
    """A fact of the portal is written here and now; everything else is a worker's."""
    if get(run.action).in_portal:
        advance_run(run.pk, even_if_not_due=True)
        run.refresh_from_db()
    else:
        jobs.enqueue("remediation.tasks.advance_run", run.pk)
