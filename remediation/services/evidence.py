"""What the incident's evidence says about an action: asked for, running, done, refused."""

from core.actors import Actor
from incidents.enums import EntityKind, RemediationStatus
from incidents.services.evidence_status import set_remediation_status
from remediation.catalog import get
from remediation.enums import OPEN_STATUSES, Decision, RunStatus
from remediation.models import ActionRun


def tell_evidence(run: ActionRun, *, actor: Actor) -> None:
    """Bring the evidence in line with the run. Children of a file action leave that to their parent."""
    status = _status(run)
    if run.parent_id is None and status is not None:
        set_remediation_status(
            kind=EntityKind(run.target_kind),
            entity_id=run.target_id,
            message_id=str(run.arguments.get("message_id", "")),
            incident=run.incident,
            status=status,
            details=f"{get(run.action).label}: {run.number}",
            actor=actor,
        )


def _status(run: ActionRun) -> RemediationStatus | None:
    """None leaves the evidence as it is: taking something back changes nothing before it is done."""
    action = get(run.action)
    if action.evidence_status is None or run.status == RunStatus.SUCCEEDED:
        return action.evidence_status
    return _on_the_way(run) if action.in_force else None


def _on_the_way(run: ActionRun) -> RemediationStatus:
    if run.status == RunStatus.PARTIALLY_SUCCEEDED:
        return RemediationStatus.PARTIALLY_REMEDIATED
    if run.decision == Decision.PENDING:
        return RemediationStatus.PENDING_APPROVAL
    if run.decision in {Decision.REJECTED, Decision.EXPIRED}:
        return RemediationStatus.DECLINED
    return RemediationStatus.RUNNING if run.status in OPEN_STATUSES else RemediationStatus.ACTIVE
