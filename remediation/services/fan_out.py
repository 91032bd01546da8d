"""A file action becomes one child for each device; the parent's status is derived from theirs."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from accounts.models import User
from core import clock
from core.actors import Actor
from incidents.models import Device, DeviceBinding, File
from incidents.services.sightings import devices_that_saw
from remediation import policy
from remediation.catalog import Action, get
from remediation.enums import OPEN_STATUSES, RunStatus
from remediation.lifecycle import move_run
from remediation.models import ActionRun
from remediation.policy import Bound
from remediation.refused import Refused
from remediation.services.evidence import tell_evidence
from remediation.taken_back import CLAIMING, DONE

SEEN_WITHIN = timedelta(days=30)
MAX_DEVICES = 1_000


@dataclass(frozen=True, slots=True)
class Child:
    """One device of a file action; `why_not` is the reason when it will be skipped."""

    device: Device
    arguments: dict[str, Any]
    facet_key: str
    bound: Bound | None
    why_not: str = ""
    undoes: ActionRun | None = None


def plan_children(action: Action, file: File, *, user: User, undoes: ActionRun | None) -> tuple[list[Child], int]:
    """The children, and how many devices lie outside the person's scope. Refuses when nothing could be done at all."""
    earlier: dict[int, ActionRun] = {}
    if undoes is None and action.in_force:
        devices = devices_that_saw(file, since=clock.now() - SEEN_WITHIN)
    else:
        earlier = _to_take_back(action, file, undoes)
        devices = Device.objects.filter(pk__in=earlier)
    total = devices.count()
    if total > MAX_DEVICES:
        raise Refused("cap_reached", f"{file} was seen on {total:,} devices; one action may touch {MAX_DEVICES:,}.")
    in_scope = list(devices.visible_to(user).order_by("display_name", "pk"))
    if not in_scope:
        raise Refused("nothing_to_do", _nothing(action, file, total))
    bindings = _bindings(in_scope)
    children = [_child(action, file, device, bindings.get(device.pk, []), earlier) for device in in_scope]
    if not any(child.bound for child in children):
        raise Refused("not_bound", f"{children[0].why_not} None of the {len(children)} devices can be acted on.")
    return children, total - len(in_scope)


def _nothing(action: Action, file: File, total: int) -> str:
    if total:
        return f"All {total} devices with {file} lie outside your scope."
    if action.in_force:
        return f"No device has seen {file} in the last 30 days."
    return f"The portal has quarantined {file} on no device that still waits to be restored."


def _to_take_back(action: Action, file: File, undoes: ActionRun | None) -> dict[int, ActionRun]:
    """Device id -> the child run that would be taken back."""
    runs = ActionRun.objects.filter(facet=action.facet, facet_key=file.key, target_kind="device", status__in=DONE)
    if undoes is not None:
        runs = runs.filter(parent=undoes)
    newest: dict[int, ActionRun] = {}
    for run in runs.order_by("ended", "id").prefetch_related("undone_by"):
        newest[run.target_id] = run
    return {pk: run for pk, run in newest.items() if run.action == action.undo and not _is_undone(run)}


def _is_undone(run: ActionRun) -> bool:
    return any(one.status in CLAIMING for one in run.undone_by.all())


def _bindings(devices: Iterable[Device]) -> dict[int, list[DeviceBinding]]:
    found: dict[int, list[DeviceBinding]] = {}
    for binding in DeviceBinding.objects.filter(device__in=list(devices)).select_related("connection"):
        found.setdefault(binding.device_id, []).append(binding)
    return found


def _child(
    action: Action, file: File, device: Device, bindings: list[DeviceBinding], earlier: dict[int, ActionRun]
) -> Child:
    undoes = earlier.get(device.pk)
    arguments = {"file_id": str(file.pk), "file_key": file.key, "file_name": file.display_name[:255]}
    if len(bindings) != 1:
        how = "No connection is bound" if not bindings else "More than one remote object is bound"
        return Child(device, arguments, file.key, None, f"{how} to {device}.", undoes)
    try:
        bound = policy.check_connection(action, bindings[0].connection, bindings[0].remote_id, str(device), device.kind)
    except Refused as refusal:
        return Child(device, arguments, file.key, None, refusal.message, undoes)
    return Child(device, arguments, file.key, bound, "", undoes)


def derive_parent(parent_id: int, *, actor: Actor) -> None:
    """Set the parent's status from its children's. Safe to call at any time and any number of times."""
    with transaction.atomic():
        parent = ActionRun.objects.select_for_update().get(pk=parent_id)
        if parent.status == RunStatus.WAITING or not (parent.is_open or parent.status == RunStatus.UNKNOWN):
            return
        counts = Counter(parent.children.values_list("status", flat=True))
        wanted = derived_status(counts)
        result = _result(counts)
        verb = get(parent.action).done.lower()
        detail = f"{result['verified']} of {result['total']} devices {verb}"
        done = result["total"] - result["open"]
        also = {"result": result, "progress": 100 * done // max(1, result["total"])}
        if wanted == parent.status:
            ActionRun.objects.filter(pk=parent.pk).update(status_detail=detail, version=parent.version + 1, **also)
            return
        if wanted in DONE and parent.status in {RunStatus.QUEUED, RunStatus.DELIVERED}:
            move_run(parent, RunStatus.STARTED, actor=actor)
        if wanted not in OPEN_STATUSES:
            also["verification"] = {
                "done": wanted == RunStatus.SUCCEEDED,
                "method": "each device by itself",
                "at": clock.now().isoformat(),
                "detail": detail,
            }
        move_run(parent, wanted, actor=actor, detail=detail, **also)
        tell_evidence(parent, actor=actor)


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
