"""Ending a run: status, policy in force, evidence, containment and parent change together."""

from typing import Any

from core import clock
from core.actors import Actor
from incidents.services.mitigation import mark_contained
from remediation import policy
from remediation.catalog import get
from remediation.enums import LogLevel, RunStatus
from remediation.lifecycle import move_run
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.control import give_up_desired
from remediation.services.evidence import tell_evidence
from remediation.services.fan_out import derive_parent
from remediation.services.hold_after import hold_after_undo
from remediation.services.notes import note
from remediation.services.show_containment import show_containment, whole_of
from remediation.services.standing import set_free

# A person's wish to take something back holds, also where nobody knows whether the target has heard of it.
_TOOK_EFFECT = {RunStatus.SUCCEEDED, RunStatus.PARTIALLY_SUCCEEDED, RunStatus.UNKNOWN}
EXECUTOR = Actor.system("remediation")
_LEVELS = {RunStatus.SUCCEEDED: LogLevel.INFO, RunStatus.CANCELLED: LogLevel.INFO, RunStatus.FAILED: LogLevel.ERROR}


def end_run(run: ActionRun, *, status: RunStatus, detail: str, actor: Actor, **also: Any) -> None:
    """Runs in the caller's transaction, with the run's row locked."""
    if status in {RunStatus.SUCCEEDED, RunStatus.PARTIALLY_SUCCEEDED}:
        pass_through_start(run, actor=actor)
    move_run(run, status, actor=actor, detail=detail, **also)
    note(run, detail or status.label, origin=f"end-{run.version}", level=_LEVELS.get(status, LogLevel.WARNING))
    if status in _TOOK_EFFECT:
        hold_after_undo(run)
    if status == RunStatus.SUCCEEDED:
        _contain(run, actor=actor)
        set_free(run, actor=actor)
    elif status not in {RunStatus.PARTIALLY_SUCCEEDED, RunStatus.UNKNOWN}:
        _give_up(run, actor=actor)
    tell_evidence(run, actor=actor)
    if run.parent_id is not None:
        derive_parent(run.parent_id, actor=actor)
    elif (whole := whole_of(run)) is not None:
        show_containment(whole, actor=actor)


def pass_through_start(run: ActionRun, *, actor: Actor) -> None:
    """A remote side that tells of the end only has started all the same."""
    if run.status in {RunStatus.QUEUED, RunStatus.DELIVERED}:
        move_run(run, RunStatus.STARTED, actor=actor, delivered=run.delivered or clock.now())


def _contain(run: ActionRun, *, actor: Actor) -> None:
    action = get(run.action)
    if action.contains and run.incident is not None:
        mark_contained(
            run.incident, at=clock.now(), actor=actor, reason=f"{run.number}: {action.label.lower()}, {run.target_name}"
        )


def _give_up(run: ActionRun, *, actor: Actor) -> None:
    try:
        target = policy.target_of(run)
    except Refused:
        return
    give_up_desired(run, actor=actor, target=target)
