"""What a run is called on a page, and how its state reads."""

from typing import Any

from remediation.about import about
from remediation.catalog import registry
from remediation.catalog.action import Action
from remediation.enums import Decision, RunStatus
from remediation.models import ActionRun

ON_DEVICES = " on devices"


def title_of(run: ActionRun) -> str:
    """`Isolate FIN-WS-014`, `Soft-delete message in Accounts payable`, `Quarantine dropper.exe on FIN-WS-014`."""
    return deed_on(registry.get(run.action), about(run))


def deed_on(action: Action, target: str) -> str:
    """The deed and what it is done to; `Contain on devices` has its target in the middle."""
    verb, where, rest = action.verb.partition(ON_DEVICES)
    return " ".join(filter(None, [verb, action.part, target])) + where + rest


# What is asked for with each verb: the button says `Request isolation`.
_NOUNS = {"Isolate": "isolation", "Release": "release", "Scan": "scan", "Quarantine": "quarantine",
          "Restore": "restoration", "Disable": "disabling", "Enable": "enabling",
          "Soft-delete": "soft deletion"}  # fmt: skip


def noun_of(action: Action) -> str:
    """The deed as a noun; an action of an unknown verb is called by its label."""
    if action.noun:
        return action.noun
    return _NOUNS.get(action.verb, f"\N{LEFT DOUBLE QUOTATION MARK}{action.label}\N{RIGHT DOUBLE QUOTATION MARK}")


def state_of(run: ActionRun) -> str:
    """The word for the status pill: the decision while it is open or ended the run, else the execution."""
    if run.decision in (Decision.PENDING, Decision.REJECTED, Decision.EXPIRED, Decision.WITHDRAWN):
        return run.decision
    return run.status


def decided_words(run: ActionRun, viewer_id: int | None) -> str:
    """`Approved by you`, `No approval needed`, ..."""
    if run.decision in (Decision.NOT_REQUIRED, Decision.PENDING) or run.decider is None:
        return run.get_decision_display()
    who = "you" if run.decider.person_id == viewer_id else run.decider.name
    return f"{run.get_decision_display()} by {who}"


def where_it_stands(run: ActionRun) -> str:
    """What is said of a run right after somebody asked for it or approved it: how it is by now, in words that stay true
    while they are read."""
    run.refresh_from_db(fields=["decision", "status", "status_detail", "verification"])
    if run.decision == Decision.PENDING:
        return "Waits for another person to approve."
    if run.is_verified:
        return "Partly verified." if run.status == RunStatus.PARTIALLY_SUCCEEDED else "Verified."
    if not run.is_open:
        return f"{run.get_status_display()}. {run.status_detail}".strip()
    return "Its page tells what comes of it."


def took_words(run: ActionRun) -> tuple[str, Any]:
    """What the time between request and end is called, and the time itself; empty while it runs."""
    if run.ended is None:
        return "", None
    word = "from request to verified" if run.is_verified else "from request to end"
    return word, run.ended - run.created


def is_problem(run: ActionRun) -> bool:
    return run.status in (RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.UNKNOWN, RunStatus.PARTIALLY_SUCCEEDED)
