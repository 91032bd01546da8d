"""Who may ask for, decide and carry out what. Every rule stands once, in `policy.rules`, and is asked at each of the
stages that it names, because people leave, lose rights and scopes, devices move and brakes are put on between a request
and its execution."""

from remediation.policy.asking import kind_of_requester, of_decision, of_execution, of_request
from remediation.policy.brakes import CAP, STOPPED, conflict
from remediation.policy.decidable import decidable, reasons_not_to_decide
from remediation.policy.people import (
    check_permissions,
    check_run_in_scope,
    check_target_in_scope,
    draft_of,
    is_rollback,
)
from remediation.policy.question import Answer, Question, Rule, Told, Verdict
from remediation.policy.question import enforce as _enforce
from remediation.policy.question import explain as _explain
from remediation.policy.reach import Child, Reach
from remediation.policy.rules import LABELS, RULES
from remediation.policy.seal import check_seal, digest_of, seal_of, sealed_person
from remediation.policy.targets import (
    MODELS,
    Bound,
    Target,
    asset_class_of,
    check_connection,
    groups_of,
    is_destructive,
    needs_approval,
    resolve,
    target_of,
)

__all__ = [
    "LABELS",
    "MODELS",
    "RULES",
    "Answer",
    "Bound",
    "Child",
    "Question",
    "Reach",
    "Rule",
    "Target",
    "Told",
    "Verdict",
    "asset_class_of",
    "check_connection",
    "check_permissions",
    "check_run_in_scope",
    "check_seal",
    "check_target_in_scope",
    "conflict",
    "decidable",
    "digest_of",
    "draft_of",
    "enforce",
    "enforce_anew",
    "explain",
    "groups_of",
    "is_destructive",
    "is_rollback",
    "kind_of_requester",
    "needs_approval",
    "of_decision",
    "of_execution",
    "of_request",
    "reasons_not_to_decide",
    "resolve",
    "seal_of",
    "sealed_person",
    "target_of",
]


def enforce(question: Question) -> dict[str, Told]:
    """Ask rule after rule; raises `Refused` with the first no, else answers what each has told."""
    return _enforce(question, RULES)


def enforce_anew(question: Question) -> None:
    """Ask about an order that was given and has not left; raises `Refused`. Its place under the cap is taken already,
    and what is stopped is held back at the gate."""
    _enforce(question, [rule for rule in RULES if rule not in (CAP, STOPPED)])


def explain(question: Question) -> list[Answer]:
    """Every rule's answer, whatever the others say. Changes nothing."""
    question.dry = True
    return _explain(question, RULES)
