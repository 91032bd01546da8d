"""After the database was restored from a backup: what was under way then waits for a person.

Between the backup and now the real portal went on: it may have carried out, cancelled or undone any of these runs.
"""

from core import audit, clock
from core.actors import Actor
from remediation.enums import OPEN_STATUSES, Decision, EmergencyState, RunStatus
from remediation.lifecycle import DECISION, move_run
from remediation.models import ActionRun, EmergencyApproval
from remediation.services.evidence import tell_evidence
from remediation.services.notes import note
from remediation.services.request import seal


def hold_runs(*, actor: Actor, reason: str) -> int:
    """An undecided request is withdrawn, a decided run is unknown; nobody looks at either again by itself."""
    rows = ActionRun.objects.select_for_update(of=("self",)).select_related("incident", "connection")
    open_ones = list(rows.filter(status__in=OPEN_STATUSES).order_by("pk"))
    for run in open_ones:
        if run.decision == Decision.PENDING:
            _withdraw(run, actor=actor, reason=reason)
        ended = RunStatus.CANCELLED if run.status == RunStatus.WAITING else RunStatus.UNKNOWN
        move_run(run, ended, actor=actor, detail=reason)
        note(run, reason, origin="restored")
        tell_evidence(run, actor=actor)
    ActionRun.objects.exclude(next_step_at=None).update(next_step_at=None)
    return len(open_ones)


def hold_emergencies(*, actor: Actor, reason: str) -> int:
    """An approval by one person that nobody ratified would be rolled back by itself, which is an action too."""
    waiting = EmergencyApproval.objects.select_for_update(of=("self",)).select_related("run")
    held = list(waiting.exclude(state=EmergencyState.RATIFIED).filter(rolled_back=False).order_by("pk"))
    for approval in held:
        if approval.state == EmergencyState.OPEN:
            approval.state, approval.settled_at = EmergencyState.LAPSED, clock.now()
            approval.settled_by, approval.settled_reason = actor.as_json(), reason
        approval.rolled_back, approval.outcome = True, f"{reason} It is not rolled back by itself."[:500]
        approval.save()
        run = approval.run
        audit.record("emergency.held", subject=f"run:{run.pk}", thread=run.thread, actor=actor, reason=approval.outcome)
    return len(held)


def _withdraw(run: ActionRun, *, actor: Actor, reason: str) -> None:
    DECISION.move(
        run,
        Decision.WITHDRAWN,
        actor=actor,
        thread=run.thread,
        reason=reason,
        decided_by=actor.as_json(),
        decided_at=clock.now(),
        decision_comment=reason,
    )
    run.decision_seal = seal(run)
    ActionRun.objects.filter(pk=run.pk).update(decision_seal=run.decision_seal)
