"""What runs and refusals say of an account that is erased. Arguments stay: they are sealed with the decision."""

from typing import Any

from django.db.models import Q, QuerySet

from core import erasure
from incidents.models import Evidence
from remediation.enums import OPEN_STATUSES
from remediation.models import (
    ActionRun,
    ApprovalPage,
    ApproverRule,
    ControlState,
    DeepAnalysis,
    EmergencyApproval,
    ExpertGroup,
    ExpertMessage,
    ExpertRequest,
    Hold,
    IndicatorChange,
    ProtectedAsset,
    Refusal,
    RunLog,
)

# The arguments of a run and the fields that a decision's seal covers are not among them.
WRITTEN: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (ActionRun, ("decision_comment", "status_detail", "result")),
    (RunLog, ("text",)),
    (Refusal, ("message", "inputs")),
    (Hold, ("reason", "lifted_reason")),
    (EmergencyApproval, ("reason", "settled_reason", "outcome")),
    (ApprovalPage, ("people",)),
    (ApproverRule, ("note",)),
    (ProtectedAsset, ("note",)),
    (ExpertGroup, ("description",)),
    (ExpertRequest, ("topic", "context", "subject_name")),
    (ExpertMessage, ("text", "delivery_said")),
    (DeepAnalysis, ("reason",)),
    (IndicatorChange, ("before", "after", "reason")),
)


def declare_parts() -> None:
    for kind in ("identity", "mailbox"):
        erasure.part(kind, "actions", _runs)
        erasure.part(kind, "log lines of actions", _log_lines)
        erasure.part(kind, "refusals", _refusals)
        erasure.objects(kind, _standing(kind))
    erasure.part("user", "states in force", _set_by)
    erasure.part("user", "words about actions and brakes", _words)


def _words(person: erasure.Person) -> int:
    """Where people wrote of each other, and where policy wrote down whom it asked about."""
    return sum(erasure.scrub_naming(model, columns, person) for model, columns in WRITTEN)


def _about(person: erasure.Person) -> Q:
    named = Evidence.objects.filter(**{person.kind: person.id}).values("alert__incident")
    return Q(target_kind=person.kind, target_id=person.id) | Q(incident__in=named)


def _runs(person: erasure.Person) -> int:
    columns = ("target_name", "comment", "decision_comment", "status_detail", "result", "receipt")
    return erasure.scrub(ActionRun.objects.filter(_about(person)), columns, person)


def _log_lines(person: erasure.Person) -> int:
    runs = ActionRun.objects.filter(_about(person))
    return erasure.scrub(RunLog.objects.filter(run__in=runs), ("text",), person)


def _refusals(person: erasure.Person) -> int:
    return erasure.scrub(Refusal.objects.filter(_about(person)), ("target_name", "message", "inputs"), person)


def _standing(kind: str) -> Any:
    """Nobody may forget what still has to be undone."""

    def why(person: int) -> list[str]:
        its_own: QuerySet[ActionRun] = ActionRun.objects.filter(target_kind=kind, target_id=person)
        return ["An action on it is open."] if its_own.filter(status__in=OPEN_STATUSES).exists() else []

    return why


def _set_by(person: erasure.Person) -> int:
    called = Q()
    for word in person.words:
        called |= Q(by=word) | Q(by__startswith=f"{word} (token ")
    return ControlState.objects.filter(called).update(by=person.stand_in)
