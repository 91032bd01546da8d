"""A file action becomes one child for each device; the parent's status is derived from theirs."""

from collections import Counter

from django.db import transaction

from core import clock
from core.actors import Actor
from core.wording import visible
from remediation.catalog import get
from remediation.enums import OPEN_STATUSES, RunStatus
from remediation.lifecycle import move_run
from remediation.models import ActionRun
from remediation.services.evidence import tell_evidence
from remediation.services.show_containment import show_containment
from remediation.taken_back import DONE

MOST_REASONS, LONGEST_REASON = 2, 160


def derive_parent(parent_id: int, *, actor: Actor) -> None:
    """Set the parent's status from its children's. Safe to call at any time and any number of times."""
    with transaction.atomic():
        parent = ActionRun.objects.select_for_update().get(pk=parent_id)
        if parent.status == RunStatus.WAITING:
            return
        if get(parent.action).by_peers:
            show_containment(parent, actor=actor)
        if not (parent.is_open or parent.status == RunStatus.UNKNOWN):
            _count_again(parent)
            return
        counts = Counter(parent.children.values_list("status", flat=True))
        wanted = derived_status(counts)
        result = _result(counts)
        action = get(parent.action)
        words = action.counted or f"devices {action.done.lower()}"
        detail = f"{result['verified']} of {result['total']} {words}"
        done = result["total"] - result["open"]
        also = {"result": result, "progress": 100 * done // max(1, result["total"])}
        if wanted == parent.status:
            ActionRun.objects.filter(pk=parent.pk).update(status_detail=detail, version=parent.version + 1, **also)
            return
        if wanted in DONE and parent.status in {RunStatus.QUEUED, RunStatus.DELIVERED}:
            move_run(parent, RunStatus.STARTED, actor=actor)
        if wanted not in OPEN_STATUSES:
            detail = f"{detail}{_why_not_all(parent)}"
            also["verification"] = {
                "done": wanted == RunStatus.SUCCEEDED,
                "method": "each device by itself",
                "at": clock.now().isoformat(),
                "detail": detail,
            }
        move_run(parent, wanted, actor=actor, detail=detail, **also)
        tell_evidence(parent, actor=actor)


def _count_again(parent: ActionRun) -> None:
    """What joined a containment later counts too; its status stays what it was."""
    action = get(parent.action)
    if action.by_peers and action.in_force:
        newest = dict(parent.children.order_by("pk").values_list("target_id", "status"))
        result = _result(Counter(newest.values()))
        detail = f"{result['verified']} of {result['total']} {action.counted}"
        ActionRun.objects.filter(pk=parent.pk).update(result=result, status_detail=detail)


def _why_not_all(parent: ActionRun) -> str:
    """The commonest reasons of the parts that did not come to their end, with how many gave each."""
    left = parent.children.exclude(status__in=[RunStatus.SUCCEEDED, *OPEN_STATUSES])
    told = Counter(_reason(name, detail) for name, detail in left.values_list("target_name", "status_detail"))
    told.pop("", None)
    return "".join(
        f". {number} of them: {why}" if number > 1 else f". {why}" for why, number in told.most_common(MOST_REASONS)
    )


def _reason(name: str, detail: str) -> str:
    """Why, without the device that says so and what was seen there, so that the same reason counts as the same. It may
    be the device's own words, and stands among ours."""
    text = detail.removeprefix(f"{name}: ").partition(" (observed: ")[0].partition(" (not observable")[0].strip()
    return visible(f"{text[:1].upper()}{text[1:]}"[:LONGEST_REASON].rstrip("."))


def derived_status(counts: Counter[str]) -> RunStatus:
    """One status for many: what is still going on comes first, then success, then the commonest failure.

    Devices that could not be acted on at all (skipped) count as not done: "12 of 14" is partial.
    """
    total = sum(counts.values())
    if sum(counts[status] for status in OPEN_STATUSES):
        untouched = counts[RunStatus.QUEUED] + counts[RunStatus.WAITING] + counts[RunStatus.SKIPPED]
        return RunStatus.QUEUED if untouched == total else RunStatus.STARTED
    if counts[RunStatus.SUCCEEDED] == total:
        return RunStatus.SUCCEEDED
    if counts[RunStatus.SUCCEEDED] or counts[RunStatus.PARTIALLY_SUCCEEDED]:
        return RunStatus.PARTIALLY_SUCCEEDED
    without_skipped = Counter({status: number for status, number in counts.items() if status != RunStatus.SKIPPED})
    if not without_skipped:
        return RunStatus.SKIPPED
    return RunStatus(without_skipped.most_common(1)[0][0])


def _result(counts: Counter[str]) -> dict[str, int]:
    total = sum(counts.values())
    still_open = sum(counts[status] for status in OPEN_STATUSES)
    verified, skipped = counts[RunStatus.SUCCEEDED], counts[RunStatus.SKIPPED]
    return {
        "total": total,
        "verified": verified,
        "open": still_open,
        "skipped": skipped,
        "failed": total - verified - still_open - skipped,
    }
