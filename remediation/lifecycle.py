"""Which decision and which status a run may go to. The only writer of both columns.

Deciding and carrying out are two lifecycles: approved is not succeeded, and succeeded means verified. An unknown
outcome is a state of its own that the truth may still resolve.
"""

from collections.abc import Sequence
from typing import Any

from core import clock, live, outbox
from core.actors import Actor
from core.lifecycle import Lifecycle
from remediation.enums import (
    OPEN_STATUSES,
    AnalysisState,
    Decision,
    ExpertStatus,
    FindingState,
    IndicatorStatus,
    RecoveryState,
    RunStatus,
    SweepState,
)
from remediation.models import ActionRun

DECISION = Lifecycle(
    field="decision",
    subject="run",
    moves={
        Decision.PENDING: {Decision.APPROVED, Decision.REJECTED, Decision.EXPIRED, Decision.WITHDRAWN},
    },
)

_ENDS_WITHOUT_EFFECT = {RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.EXPIRED, RunStatus.SKIPPED}
_ENDS = _ENDS_WITHOUT_EFFECT | {RunStatus.TIMED_OUT, RunStatus.UNKNOWN}
STATUS = Lifecycle(
    field="status",
    subject="run",
    moves={
        RunStatus.WAITING: _ENDS_WITHOUT_EFFECT | {RunStatus.QUEUED},
        RunStatus.QUEUED: _ENDS | {RunStatus.DELIVERED, RunStatus.STARTED},
        RunStatus.DELIVERED: _ENDS | {RunStatus.STARTED},
        RunStatus.STARTED: _ENDS | {RunStatus.SUCCEEDED, RunStatus.PARTIALLY_SUCCEEDED},
        RunStatus.UNKNOWN: {
            RunStatus.SUCCEEDED,
            RunStatus.PARTIALLY_SUCCEEDED,
            RunStatus.FAILED,
            RunStatus.TIMED_OUT,
        },
    },
)

ANALYSIS_STATE = Lifecycle(
    field="state",
    subject="analysis",
    moves={
        AnalysisState.NOT_SUBMITTED: {AnalysisState.QUEUED, AnalysisState.COLLECTING_SAMPLE},
        AnalysisState.QUEUED: {AnalysisState.ANALYZING, AnalysisState.FAILED},
        AnalysisState.COLLECTING_SAMPLE: {AnalysisState.QUEUED, AnalysisState.FAILED},
        # Back to the queue when the analysis host was lost.
        AnalysisState.ANALYZING: {AnalysisState.COMPLETED, AnalysisState.FAILED, AnalysisState.QUEUED},
    },
)

EXPERT_STATUS = Lifecycle(
    field="status",
    subject="expert_request",
    moves={
        ExpertStatus.OPEN: {ExpertStatus.ANSWERED, ExpertStatus.CLOSED},
        ExpertStatus.ANSWERED: {ExpertStatus.OPEN, ExpertStatus.CLOSED},
    },
)

INDICATOR_STATUS = Lifecycle(
    field="status",
    subject="indicator",
    moves={
        IndicatorStatus.ACTIVE: {IndicatorStatus.EXPIRED, IndicatorStatus.REMOVED},
        IndicatorStatus.EXPIRED: {IndicatorStatus.ACTIVE},
        IndicatorStatus.REMOVED: {IndicatorStatus.ACTIVE},
    },
)

SWEEP_STATE = Lifecycle(
    field="state",
    subject="sweep",
    moves={
        SweepState.ASKING: {SweepState.RUNNING, SweepState.FINISHED},
        SweepState.RUNNING: {SweepState.FINISHED},
    },
)

FINDING_STATE = Lifecycle(
    field="state",
    subject="finding",
    moves={
        FindingState.FOUND: {FindingState.ASKED, FindingState.REMOVED, FindingState.ACCEPTED},
        FindingState.ASKED: {FindingState.FOUND, FindingState.REMOVED, FindingState.ACCEPTED},
        FindingState.REMOVED: {FindingState.FOUND},
        FindingState.ACCEPTED: {FindingState.FOUND, FindingState.ASKED, FindingState.REMOVED},
    },
)

RECOVERY_STATE = Lifecycle(
    field="state",
    subject="recovery",
    moves={
        RecoveryState.OPEN: {RecoveryState.WATCHED, RecoveryState.RECOVERED},
        RecoveryState.WATCHED: {RecoveryState.OPEN, RecoveryState.RECOVERED, RecoveryState.FAILED},
        RecoveryState.RECOVERED: {RecoveryState.OPEN, RecoveryState.FAILED},
        RecoveryState.FAILED: {RecoveryState.OPEN},
    },
)

ENDED_STATUSES = tuple(status for status in RunStatus if status not in OPEN_STATUSES)
_STAMPS = {RunStatus.QUEUED: "queued", RunStatus.DELIVERED: "delivered", RunStatus.STARTED: "started"}


def move_run(run: ActionRun, wanted: RunStatus, *, actor: Actor, detail: str = "", **also: Any) -> None:
    """Move the status, stamp the time, tell open pages; an ended run is announced to the later rooms."""
    if wanted == RunStatus.SUCCEEDED and not also.get("verification", run.verification).get("done"):
        raise ValueError(f"{run} cannot have succeeded: nobody verified it.")
    stamps: dict[str, Any] = {_STAMPS[wanted]: clock.now()} if wanted in _STAMPS else {}
    if wanted not in OPEN_STATUSES:
        stamps = {"ended": clock.now(), "next_step_at": None}
    values = {**stamps, "status_detail": detail[:500], "version": run.version + 1, **also}
    STATUS.move(run, wanted, actor=actor, thread=run.thread, reason=detail, **values)
    announce_run(run)
    if wanted not in OPEN_STATUSES:
        outbox.publish("run.ended", run_id=run.pk, status=wanted.value)


def move_children(
    children: Sequence[ActionRun], wanted: RunStatus, *, actor: Actor, detail: str = "", **also: Any
) -> None:
    """Move the children of one parent together. Their parent announces them to open pages."""
    stamps: dict[str, Any] = {_STAMPS[wanted]: clock.now()} if wanted in _STAMPS else {}
    if wanted not in OPEN_STATUSES:
        stamps = {"ended": clock.now(), "next_step_at": None}
    values = {"status_detail": detail[:500], **stamps, **also}
    STATUS.move_many(children, wanted, actor=actor, thread=shared_thread(children), reason=detail, **values)
    if wanted not in OPEN_STATUSES:
        for run in children:
            outbox.publish("run.ended", run_id=run.pk, status=wanted.value)


def shared_thread(children: Sequence[ActionRun]) -> str:
    """The incident's thread when there is one; else each child has its own."""
    return children[0].thread if children and children[0].incident_id else ""


def announce_run(run: ActionRun) -> None:
    """Wake the open pages of those who may see the run: its own, those of the run it takes back, and those of its
    target, on which the state in force may be another now."""
    if run.incident is not None and run.incident.restricted:
        listeners: dict[str, Any] = {"people": list(run.incident.restricted_to.values_list("pk", flat=True))}
    else:
        listeners = {"groups": list(run.device_group_ids) or (run.incident.audience if run.incident else None)}
    live.publish("run.changed", run.pk, **listeners)
    live.publish("target.changed", f"{run.target_kind}:{run.target_id}", **listeners)
    if run.undoes is not None and run.undoes.parent_id is not None:  # the undo of one device of a file action
        live.publish("run.changed", run.undoes.parent_id, **listeners)
