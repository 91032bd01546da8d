"""What the incident's evidence says about an action: asked for, running, done, refused."""

from core.actors import Actor
from incidents.enums import EntityKind, RemediationStatus
from incidents.services.evidence_status import set_remediation_status
from remediation.catalog import get, inverse_of
from remediation.enums import OPEN_STATUSES, Decision, RunStatus
from remediation.models import ActionRun


def tell_evidence(run: ActionRun, *, actor: Actor) -> None:
    """Bring the evidence in line with the run. Children of a file action leave that to their parent."""
    status = _status(run)
    if status is not None and not _is_part(run):
        set_remediation_status(
            kind=EntityKind(run.target_kind),
            entity_id=run.target_id,
            message_id=str(run.arguments.get("message_id", "")),
            incident=run.incident,
            status=status,
            details=f"{get(run.action).label}: {run.number}",
            actor=actor,
        )


def tell_evidence_of_state(run: ActionRun, *, held: bool, actor: Actor) -> None:
    """After a look has found that what the run withheld is free without a run, or is withheld again."""
    action = get(run.action)
    free = inverse_of(action)
    status = action.evidence_status if held else free.evidence_status if free is not None else None
    if _is_part(run) or not action.in_force or status is None:
        return
    set_remediation_status(
        kind=EntityKind(run.target_kind), entity_id=run.target_id, message_id=str(run.arguments.get("message_id", "")),
        incident=run.incident, status=status, actor=actor,
        details=f"{action.label}: {run.number}{'' if held else ', no longer in force'}",
    )  # fmt: skip


def _is_part(run: ActionRun) -> bool:
    """What one device does for many says nothing of that device, also where it was asked for by itself."""
    return run.parent_id is not None or (get(run.action).fans_out and bool(run.facet_key))


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
