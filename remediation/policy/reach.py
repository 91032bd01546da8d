"""What an action would really touch: one bound object, or a copy of a file on each of many devices."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Q

from accounts.models import User
from core import clock
from incidents.enums import EntityKind
from incidents.models import Device, DeviceBinding, File
from incidents.queries.entities import DeviceQuerySet
from incidents.services.sightings import devices_that_saw
from remediation.catalog import Action
from remediation.models import ActionRun, ControlState
from remediation.policy.protection import Shield, shields_of
from remediation.policy.targets import Bound, Target, check_connection, groups_of, is_destructive, resolve
from remediation.refused import Refused
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


@dataclass(frozen=True, slots=True)
class Reach:
    """A single order with `bound`, or `children` (of which some may have no `bound`). `left_out` counts devices that
    the person may not act on."""

    target: Target
    bound: Bound | None = None
    children: list[Child] = field(default_factory=list)
    left_out: int = 0

    @property
    def orders(self) -> int:
        """How many remote objects would be touched."""
        return sum(child.bound is not None for child in self.children) if self.children else 1

    @property
    def group_ids(self) -> list[int]:
        if self.children:
            return sorted({child.device.device_group_id for child in self.children})
        return groups_of(self.target)


def reach_of(action: Action, target: Target, *, user: User | None, undoes: ActionRun | None) -> Reach:
    """Refuses when nothing could be done at all."""
    if action.in_portal:
        return Reach(target)
    if isinstance(target, File) and action.fans_out:
        children, left_out = plan_children(action, target, user=user, undoes=undoes)
        return Reach(target, children=children, left_out=left_out)
    if isinstance(target, File):
        raise Refused("unsupported", "A file action is carried out through its parts.")
    return Reach(target, bound=resolve(action, target))


def plan_children(
    action: Action, file: File, *, user: User | None, undoes: ActionRun | None
) -> tuple[list[Child], int]:
    """The children, and how many devices lie outside the person's scope; None is the portal itself, which takes back
    everywhere. Refuses when nothing could be done at all."""
    earlier: dict[int, ActionRun] = {}
    if undoes is None and action.in_force:
        devices = _devices_with(file, action)
    else:
        earlier = _to_take_back(action, file, undoes)
        devices = Device.objects.filter(pk__in=earlier)
    total = devices.count()
    if total > MAX_DEVICES:
        raise Refused("cap_reached", f"{file} was seen on {total:,} devices; one action may touch {MAX_DEVICES:,}.")
    in_scope = list((devices if user is None else devices.visible_to(user)).order_by("display_name", "pk"))
    if not in_scope:
        raise Refused("nothing_to_do", _nothing(action, file, total))
    bindings = _bindings(in_scope)
    shields = shields_of(in_scope) if is_destructive(action) else {}
    children = [
        _child(action, file, device, bindings.get(device.pk, []), earlier, shields.get(device.pk))
        for device in in_scope
    ]
    if not any(child.bound for child in children):
        code = "protected" if all(shields.get(child.device.pk) for child in children) else "not_bound"
        raise Refused(code, f"{children[0].why_not} None of the {len(children)} devices can be acted on.")
    return children, total - len(in_scope)


def _devices_with(file: File, action: Action) -> DeviceQuerySet:
    """Those that saw the file of late, and those where the portal wants it held since: what is in force stays in force
    until somebody releases it, however long ago the file was seen."""
    of_late = devices_that_saw(file, since=clock.now() - SEEN_WITHIN)
    held = ControlState.objects.filter(
        target_kind=EntityKind.DEVICE, facet=action.facet, facet_key=file.key, desired=action.wanted
    )
    return Device.objects.filter(Q(pk__in=of_late.values("pk")) | Q(pk__in=held.values("target_id")))


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
    action: Action,
    file: File,
    device: Device,
    bindings: list[DeviceBinding],
    earlier: dict[int, ActionRun],
    shield: Shield | None,
) -> Child:
    undoes = earlier.get(device.pk)
    arguments = {"file_id": str(file.pk), "file_key": file.key, "file_name": file.display_name[:255]}
    if shield is not None and shield.refuses:
        why = f"{device} is protected ({shield.asset.get_kind_display()})."
        return Child(device, arguments, file.key, None, why, undoes)
    if len(bindings) != 1:
        how = "No connection is bound" if not bindings else "More than one remote object is bound"
        return Child(device, arguments, file.key, None, f"{how} to {device}.", undoes)
    try:
        bound = check_connection(action, bindings[0].connection, bindings[0].remote_id, str(device), device.kind)
    except Refused as refusal:
        return Child(device, arguments, file.key, None, refusal.message, undoes)
    return Child(device, arguments, file.key, bound, "", undoes)
