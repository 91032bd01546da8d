"""A run's story as steps: requested, decided, delivered, started, verified, undo."""

from typing import Any

from django.db.models import Count, Q

from connectors.models import Delivery
from core.wording import counted
from remediation.catalog import registry
from remediation.enums import Decision, RunStatus
from remediation.models import ActionRun
from remediation.taken_back import UndoState, taken_back

_FINISHED_BADLY = {RunStatus.FAILED, RunStatus.TIMED_OUT}
_UNDONE = {UndoState.UNDONE: ("Undone", "ok"), UndoState.PARTLY_UNDONE: ("Partly undone", "warn")}
_DECIDED = {
    Decision.APPROVED: ("Approved", "check", "ok"),
    Decision.REJECTED: ("Rejected", "x", "danger"),
    Decision.EXPIRED: ("Expired undecided", "clock", "warn"),
    Decision.WITHDRAWN: ("Withdrawn", "undo", ""),
}


def story_of(run: ActionRun, delivery: Delivery | None) -> list[dict[str, Any]]:
    """Steps for `components/story.html`; steps still to come are hollow."""
    steps = [_step("Requested", f"{run.requester.name}: {run.comment}", run.created, "bolt", "acc"), _decision(run)]
    if run.decision in (Decision.REJECTED, Decision.EXPIRED, Decision.WITHDRAWN):
        return steps
    steps += [_delivered(run, delivery), _started(run), _outcome(run), _undo(run)]
    return [step for step in steps if step]


def _step(title: str, text: str, at: Any, symbol: str, kind: str = "", **more: Any) -> dict[str, Any]:
    return {"title": title, "text": text, "at": at, "symbol": symbol, "kind": kind, **more}


def _decision(run: ActionRun) -> dict[str, Any]:
    if run.decision == Decision.NOT_REQUIRED:
        return _step("No approval needed", "This action needs no second person.", None, "check", "ok")
    if run.decision == Decision.PENDING:
        return _step("Decision", "Waits for another person.", None, "check", next=True)
    title, symbol, kind = _DECIDED[Decision(run.decision)]
    if run.emergency:
        title, kind = "Approved by one person alone", "warn"
    words = f"{run.decider.name if run.decider else 'The clock'}"
    if run.decision_comment:
        words = f"{words}: {run.decision_comment}"
    return _step(title, words, run.decided_at, symbol, kind)


def _delivered(run: ActionRun, delivery: Delivery | None) -> dict[str, Any]:
    handed = _parts(run, "delivered")
    if run.delivered is None and not run.is_open:
        # The parts of a run were handed over one by one; their rows say so.
        return {} if handed else _step("Delivered", "Never handed over.", None, "send")
    if handed and run.decision != Decision.PENDING:
        return _step("Delivered", f"Handed over to {handed}.", run.delivered, "send", "ok", next=run.started is None)
    if run.delivered is None:
        waiting = run.status_detail if run.is_open else ""
        return _step("Delivered", waiting or "Not handed over yet.", None, "send", next=True)
    if delivery is None:
        return _step("Delivered", "Handed over to every target.", run.delivered, "send", "ok")
    tries = "1st attempt" if delivery.attempts <= 1 else f"{delivery.attempts} attempts"
    words = f"{tries}, receipt kept" if delivery.receipt else tries
    return _step("Delivered", words, run.delivered, "send", "ok", hash=delivery.idempotency_key)


def _started(run: ActionRun) -> dict[str, Any]:
    if run.started is None:
        return _step("Started", "", None, "play", next=True) if run.is_open else {}
    if begun := _parts(run, "started"):
        return _step("Started", f"Begun on {begun}.", run.started, "play", "ok")
    return _step("Started", run.status_detail if run.status == RunStatus.STARTED else "", run.started, "play", "ok")


def _parts(run: ActionRun, stamp: str) -> str:
    """How many parts of a run have come so far: `3 of 62 devices`. Empty for a run without parts."""
    came = run.children.aggregate(
        came=Count("target_id", filter=~Q(**{stamp: None}), distinct=True), all=Count("target_id", distinct=True)
    )
    return f"{came['came']:,} of {counted(came['all'], 'device')}" if came["all"] else ""


def _outcome(run: ActionRun) -> dict[str, Any]:
    if run.is_verified:
        words = ". ".join(str(run.verification.get(part, "")) for part in ("method", "detail")).strip(". ")
        title = "Partly verified" if run.status == RunStatus.PARTIALLY_SUCCEEDED else "Verified"
        kind = "warn" if run.status == RunStatus.PARTIALLY_SUCCEEDED else "ok"
        return _step(title, words, run.ended, "probe", kind)
    if run.status == RunStatus.UNKNOWN:
        return _step("Unknown", run.status_detail or "The target does not answer.", run.ended, "warn", "warn")
    if run.ended:
        kind = "danger" if run.status in _FINISHED_BADLY else ""
        return _step(run.get_status_display(), run.status_detail, run.ended, "x", kind)
    so_far = run.status_detail if run.is_open and run.started and run.children.exists() else ""
    words = f"So far {so_far}. " if so_far else ""
    return _step("Verified", f"{words}{registry.get(run.action).checked_by}", None, "probe", next=True)


def _undo(run: ActionRun) -> dict[str, Any]:
    so_far = taken_back(run)
    latest = ActionRun.objects.filter(Q(pk=so_far.latest) | Q(undoes=run)).order_by("-pk").first()
    if latest is not None:
        waiting = latest.decision == Decision.PENDING
        state = "waits for another person to approve" if waiting else latest.get_status_display().lower()
        words = f"{latest.number} by {latest.requester.name}: {state}"
        if so_far.parts > 1:
            words = f"{so_far.undone} of {so_far.parts} devices taken back. {words}"
        title, kind = _UNDONE.get(so_far.state, ("Undo asked for", ""))
        return _step(title, words, latest.created, "undo", kind)
    action = registry.get(run.action)
    inverse = registry.inverse_of(action)
    words = f"Not asked for. {inverse.label} is a run of its own." if inverse else action.why_no_undo
    return _step("Undo", words, None, "undo", next=True)
