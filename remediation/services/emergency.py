"""One person approves alone, because nobody else is there: an act of its own, with a reason, that somebody else
ratifies within hours. What nobody ratifies is taken back by the portal itself."""

from dataclasses import replace
from datetime import timedelta

from django.db import transaction
from django.urls import reverse

from accounts.models import User
from core import audit, clock, options
from core.actors import Actor
from notifications.services.tell import tell
from remediation import alarms, policy
from remediation.enums import Decision, EmergencyState, RunStatus
from remediation.models import ActionRun, EmergencyApproval
from remediation.policy import settings
from remediation.refused import Refused
from remediation.services.cancel import cancel_by_portal
from remediation.services.decide import store_decision, undecided
from remediation.services.deciders import who_may_decide
from remediation.services.evidence import tell_evidence
from remediation.services.notes import note
from remediation.services.refusals import Subject, recording_refusals
from remediation.services.request import clean_comment, queue
from remediation.services.undo import undo_by_portal
from remediation.taken_back import DONE

CLOCK = Actor.system("clock")
NOT_RATIFIED = (EmergencyState.LAPSED, EmergencyState.DISOWNED)


def approve_alone(run: ActionRun, *, actor: Actor, user: User, comment: str) -> EmergencyApproval:
    """Say yes without a second person. Raises `Refused` and `ValidationError`."""
    reason = clean_comment(comment)
    frozen = replace(actor, person_id=user.pk)
    subject = Subject.of_run(run, wanted="approve alone")
    with recording_refusals(subject, stage="decision", actor=frozen), transaction.atomic():
        locked = undecided(run)
        policy.enforce(policy.of_decision(locked, actor=frozen, user=user, deed="approve", alone=True))
        children = list(locked.children.filter(decision=Decision.PENDING))
        for one in (locked, *children):
            one.emergency = True
        ActionRun.objects.filter(pk__in=[one.pk for one in (locked, *children)]).update(emergency=True)
        store_decision(locked, children=children, decision=Decision.APPROVED, actor=frozen, comment=reason)
        made = _store(locked, actor=frozen, user=user, reason=reason)
        queue(locked, children=children, actor=frozen)
        tell_evidence(locked, actor=frozen)
    run.refresh_from_db()
    return made


def _store(run: ActionRun, *, actor: Actor, user: User, reason: str) -> EmergencyApproval:
    until = clock.now() + timedelta(hours=int(options.get(settings.RATIFY_HOURS)))
    made = EmergencyApproval.objects.create(
        run=run, by=actor.as_json(), by_id=user.pk, reason=reason, at=clock.now(), ratify_until=until
    )
    _record(made, "run.approved_alone", actor=actor, reason=reason)
    _alarm(
        alarms.ALONE, made, title=f"{actor.name} approved {run.number} alone",
        body=f"{reason} Ratify it by {until:%Y-%m-%d %H:%M} UTC, or it is rolled back.", actor=actor,
    )  # fmt: skip
    note(run, f"Approved by {actor.name} alone; to be ratified by {until:%Y-%m-%d %H:%M} UTC.", origin="emergency")
    return made


def ratify(approval: EmergencyApproval, *, actor: Actor, user: User, comment: str) -> EmergencyApproval:
    """Somebody else agrees afterwards. Raises `Refused` and `ValidationError`."""
    return _settle(approval, EmergencyState.RATIFIED, actor=actor, user=user, comment=comment)


def disown(approval: EmergencyApproval, *, actor: Actor, user: User, comment: str) -> EmergencyApproval:
    """Somebody else does not agree: it is taken back now. Raises `Refused` and `ValidationError`."""
    settled = _settle(approval, EmergencyState.DISOWNED, actor=actor, user=user, comment=comment)
    roll_back(settled.pk)
    settled.refresh_from_db()
    return settled


def _settle(
    approval: EmergencyApproval, state: EmergencyState, *, actor: Actor, user: User, comment: str
) -> EmergencyApproval:
    reason = clean_comment(comment)
    frozen = replace(actor, person_id=user.pk)
    deed = "ratify" if state == EmergencyState.RATIFIED else "reject"
    subject = Subject.of_run(approval.run, wanted=deed)
    with recording_refusals(subject, stage="decision", actor=frozen), transaction.atomic():
        locked = EmergencyApproval.objects.select_for_update(of=("self",)).select_related("run").get(pk=approval.pk)
        if locked.state != EmergencyState.OPEN:
            label = EmergencyState(locked.state).label.lower()
            raise Refused("already_settled", f"{locked.run.number} is settled already: {label}.", run=locked.run)
        policy.enforce(policy.of_decision(locked.run, actor=frozen, user=user, deed=deed))
        _close(locked, state, actor=frozen, reason=reason)
    return locked


def roll_back_due(limit: int = 50) -> int:
    """The clock: what nobody ratified in time, and what could not be taken back yet. Returns how many."""
    due = EmergencyApproval.objects.filter(state=EmergencyState.OPEN, ratify_until__lte=clock.now())
    late = list(due.order_by("ratify_until").values_list("pk", flat=True)[:limit])
    for pk in late:
        _lapse(pk)
    open_ones = EmergencyApproval.objects.filter(state__in=NOT_RATIFIED, rolled_back=False).order_by("ratify_until")
    still = list(open_ones.values_list("pk", flat=True)[:limit])
    for pk in still:
        roll_back(pk)
    return len(still)


def _lapse(pk: int) -> None:
    with transaction.atomic():
        locked = EmergencyApproval.objects.select_for_update(of=("self",)).select_related("run").get(pk=pk)
        if locked.state == EmergencyState.OPEN and locked.ratify_until <= clock.now():
            _close(locked, EmergencyState.LAPSED, actor=CLOCK, reason="Nobody ratified in time.")


def _close(approval: EmergencyApproval, state: EmergencyState, *, actor: Actor, reason: str) -> None:
    approval.state, approval.settled_by, approval.settled_at = state, actor.as_json(), clock.now()
    approval.settled_reason = reason
    approval.save(update_fields=["state", "settled_by", "settled_at", "settled_reason"])
    _record(approval, f"emergency.{state.value}", actor=actor, reason=reason)
    note(approval.run, f"{state.label}: {actor.name}: {reason}", origin=f"emergency-{state.value}")
    if state in NOT_RATIFIED:
        title = f"{approval.run.number} was approved by one person and not ratified"
        body = f"{actor.name}: {reason} It is rolled back."
        _alarm(alarms.NOT_RATIFIED, approval, title=title, body=body, actor=actor)


def roll_back(pk: int) -> None:
    """Take back what was not ratified, as far as it has come. Called again until nothing is left to take back."""
    approval = EmergencyApproval.objects.select_related("run__incident").get(pk=pk)
    if approval.rolled_back or approval.state not in NOT_RATIFIED:
        return
    with transaction.atomic():
        run = cancel_by_portal(approval.run, actor=CLOCK, comment="not ratified")
        locked = EmergencyApproval.objects.select_for_update().get(pk=pk)
        if locked.rolled_back:
            return
        outcome, undo, finished = _take_back(run)
        if (outcome, finished) == (locked.outcome, locked.rolled_back):
            return
        locked.outcome, locked.undo_run, locked.rolled_back = outcome[:500], undo, finished
        locked.save(update_fields=["outcome", "undo_run", "rolled_back"])
        _record(approval, "emergency.rolled_back", actor=CLOCK, reason=outcome)


def _take_back(run: ActionRun) -> tuple[str, ActionRun | None, bool]:
    """What came of it, the run that takes it back, and whether that was all."""
    if run.is_open:
        return "It is on its way: the remote side is asked to stop.", None, False
    if run.status == RunStatus.UNKNOWN:
        return "Its outcome is unknown; it is taken back when it turns out to have taken effect.", None, False
    if run.status not in DONE:
        return f"It took no effect ({RunStatus(run.status).label.lower()}).", None, True
    try:
        undo = undo_by_portal(run, actor=CLOCK, comment=f"{run.number} was approved by one person and not ratified.")
    except Refused as refusal:
        return f"Not taken back: {refusal.message}", refusal.run, refusal.code == "not_undoable"
    return f"{undo.number} takes it back.", undo, True


def _alarm(topic: str, approval: EmergencyApproval, *, title: str, body: str, actor: Actor) -> None:
    run = approval.run
    tell(
        topic,
        subject=f"run:{run.pk}",
        title=title,
        body=body,
        url=reverse("remediation:run", args=[run.pk]),
        severity="high",
        device_group_ids=run.device_group_ids,
        people=who_may_decide(run, besides=[approval.by_id]) or None,
        once=f"{approval.pk}",
        actor=actor,
    )


def _record(approval: EmergencyApproval, verb: str, *, actor: Actor, reason: str) -> None:
    run = approval.run
    data = {"action": run.action, "target": run.target_name, "ratify_until": approval.ratify_until.isoformat()}
    audit.record(verb, subject=f"run:{run.pk}", thread=run.thread, actor=actor, reason=reason, data=data)
