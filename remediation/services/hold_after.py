"""A person took an action back, and what is automatic keeps its hands off until a person says otherwise."""

from core import audit, clock
from remediation.catalog import get, inverse_of
from remediation.enums import RequesterKind
from remediation.models import ActionRun, Hold


def hold_after_undo(run: ActionRun) -> Hold | None:
    """The hold that a person's undo leaves behind; None for anything else. In the transaction that ends the run."""
    inverse = inverse_of(get(run.action))
    takes_back = inverse is not None and inverse.in_force and not get(run.action).in_force
    if not takes_back or run.undoes_id is None or run.requester_kind != RequesterKind.PERSON:
        return None
    facet = {"target_kind": run.target_kind, "target_id": run.target_id, "facet": run.facet, "facet_key": run.facet_key}
    hold, made = Hold.objects.get_or_create(
        **facet,
        lifted_at=None,
        defaults={
            "target_name": run.target_name, "run_id": run.pk, "by": run.requested_by, "reason": run.comment,
            "at": clock.now(),
        },
    )  # fmt: skip
    if made:
        _record(hold, run)
    return hold


def _record(hold: Hold, run: ActionRun) -> None:
    data = {"target": f"{run.target_kind}:{run.target_id}", "facet": run.facet, "run": run.pk}
    audit.record(
        "hold.began", subject=f"hold:{hold.pk}", thread=run.thread, actor=run.requester, reason=run.comment, data=data
    )
