"""What an action would really touch: one bound object, or a copy of a file on each of many devices."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.db.models import Q

from accounts.models import User
from core import clock
from incidents.enums import EntityKind, SensorHealth
from incidents.models import Device, DeviceBinding, File, Identity
from incidents.queries.entities import DeviceQuerySet
from incidents.services.sightings import devices_that_saw
from remediation.catalog import Action
from remediation.models import ActionRun, ControlState
from remediation.policy import peers
from remediation.policy.copies import copy_named, is_last_of_its_run, places_on, taken_by_itself
from remediation.policy.protection import Shield, shields_of
from remediation.policy.spared import spared_by, why_spared
from remediation.policy.takers import takers_of
from remediation.policy.targets import Bound, Target, check_connection, groups_of, is_destructive, resolve
from remediation.refused import Refused
from remediation.taken_back import CLAIMING, DONE

SEEN_WITHIN = timedelta(days=30)
MAX_DEVICES = 1_000
RESTORE = "file.restore"


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


def reach_of(
    action: Action,
    target: Target,
    *,
    user: User | None,
    undoes: ActionRun | None,
    part: bool = False,
    arguments: Mapping[str, Any] | None = None,
) -> Reach:
    """`part` says that it is about one device of an action on many. Refuses when nothing could be done at all."""
    if action.in_portal:
        return Reach(target)
    if action.fans_out and not part and isinstance(target, File | Device | Identity):
        children, left_out = plan_children(action, target, user=user, undoes=undoes, arguments=arguments or {})
        return Reach(target, children=children, left_out=left_out)
    if isinstance(target, File):
        raise Refused("unsupported", "A file action is carried out through its parts.")
    return Reach(target, bound=resolve(action, target))


def plan_children(
    action: Action,
    whole: File | Device | Identity,
    *,
    user: User | None,
    undoes: ActionRun | None,
    arguments: Mapping[str, Any],
) -> tuple[list[Child], int]:
    """The children, and how many devices lie outside the person's scope; None is the portal itself, which takes back
    everywhere. Refuses when nothing could be done at all."""
    earlier: dict[int, ActionRun] = {}
    own: dict[int, list[str]] = {}
    inverse = action.undo and not action.in_force
    if undoes is None and not inverse:
        devices = _devices_with(action, whole, arguments)
    else:
        earlier, own = _given_back(action, whole, user, undoes, arguments)
        devices = Device.objects.filter(pk__in={*earlier, *own})
    total = devices.count()
    if total > MAX_DEVICES:
        raise Refused("cap_reached", f"{whole} concerns {total:,} devices; one action may touch {MAX_DEVICES:,}.")
    in_scope = list((devices if user is None else devices.visible_to(user)).order_by("display_name", "pk"))
    if not in_scope:
        raise Refused("nothing_to_do", _nothing(action, whole, total))
    bindings = _bindings(in_scope)
    shields = shields_of(in_scope) if is_destructive(action) and not action.by_peers else {}
    given = _given(action, whole, in_scope, arguments, own)
    children = [
        _child(action, given[device.pk], device, bindings.get(device.pk, []), earlier, shields.get(device.pk))
        for device in in_scope
    ]
    children = _leave_useless(action, whole, children)
    if arguments.get("devices") == "one":
        children = _newest(children)
    if not any(child.bound for child in children):
        code = "protected" if all(shields.get(child.device.pk) for child in children) else "not_bound"
        more = f" None of the {len(children)} devices can be acted on." if len(children) > 1 else ""
        raise Refused(code, f"{children[0].why_not}{more}")
    return children, total - len(in_scope)


def _leave_useless(action: Action, whole: File | Device | Identity, children: list[Child]) -> list[Child]:
    """Without those where it would do harm to the device, or nothing for long."""
    if action.by_peers and action.in_force:
        return leave_spared(children)
    return _leave_taken_again(children, whole) if action.key == RESTORE and isinstance(whole, File) else children


def leave_spared(children: list[Child]) -> list[Child]:
    """Without those that would cut themselves off: they stay open, and say why."""
    spared = spared_by([child.device for child in children])
    why = {child.device.pk: why_spared(spared.get(child.device.pk, {}), child.arguments) for child in children}
    return [
        replace(child, bound=None, why_not=f"{child.device}: {why[child.device.pk]}") if why[child.device.pk] else child
        for child in children
    ]


def _leave_taken_again(children: list[Child], file: File) -> list[Child]:
    """Without those where an indicator takes the file away as soon as it is back."""
    takers = takers_of(file, {one.device.device_group_id for one in children})
    why = "takes it away there again: remove that first."
    return [
        replace(one, bound=None, why_not=f"{one.device}: {taker.number} {why}")
        if one.bound is not None and not one.bound.simulated and (taker := takers.get(one.device.device_group_id))
        else one
        for one in children
    ]


def _key_of(whole: File | Device | Identity) -> str:
    """What a part says that it is about."""
    return whole.key if isinstance(whole, File) else peers.entry_key(whole)


def _given(
    action: Action,
    whole: File | Device | Identity,
    devices: list[Device],
    arguments: Mapping[str, Any],
    own: Mapping[int, list[str]],
) -> dict[int, dict[str, Any]]:
    """Device -> the arguments of its part; `own` names copies there, beside those of the run that is taken back."""
    if not isinstance(whole, File):
        days = {"days": arguments["days"]} if arguments.get("days") else {}
        return {one.pk: {**peers.entry_of(whole), **days} for one in devices}
    named = {"file_id": str(whole.pk), "file_key": whole.key, "file_name": whole.display_name[:255]}
    if not action.in_force and action.undo:
        return {one.pk: {**named, **({"items": own[one.pk]} if one.pk in own else {})} for one in devices}
    places = places_on(whole, {one.pk for one in devices}, since=clock.now() - SEEN_WITHIN)
    if action.by_order:
        return {one.pk: {**named, "path": next(iter(places.get(one.pk, [])), "")} for one in devices}
    return {one.pk: {**named, "paths": places.get(one.pk, [])} for one in devices}


def _newest(children: list[Child]) -> list[Child]:
    """Of those that can be asked the one that was heard of last."""
    able = [one for one in children if one.bound is not None]
    if not able:
        return children
    return [max(able, key=lambda one: (one.device.health == SensorHealth.ACTIVE, one.device.last_seen))]


def _devices_with(action: Action, whole: File | Device | Identity, arguments: Mapping[str, Any]) -> DeviceQuerySet:
    """Those that can do it."""
    if not isinstance(whole, File):
        return peers.peers_of(action, whole, arguments)
    return _devices_with_file(whole, action)


def _devices_with_file(file: File, action: Action) -> DeviceQuerySet:
    """Those that saw the file of late, and those where the portal wants it held since: what is in force stays in force
    until somebody releases it, however long ago the file was seen."""
    of_late = devices_that_saw(file, since=clock.now() - SEEN_WITHIN)
    held = ControlState.objects.filter(
        target_kind=EntityKind.DEVICE, facet=action.facet, facet_key=file.key, desired=action.wanted
    )
    return Device.objects.filter(Q(pk__in=of_late.values("pk")) | Q(pk__in=held.values("target_id")))


def _nothing(action: Action, whole: File | Device | Identity, total: int) -> str:
    if total:
        return f"All {total} devices that this concerns lie outside your scope."
    if not isinstance(whole, File):
        return f"No device with an agent enforces the containment of {whole}."
    if action.in_force or not action.undo:
        return f"No device has seen {whole} in the last 30 days."
    return f"{whole} is in quarantine on no device that still waits for it."


def _given_back(
    action: Action,
    whole: File | Device | Identity,
    user: User | None,
    undoes: ActionRun | None,
    arguments: Mapping[str, Any],
) -> tuple[dict[int, ActionRun], dict[int, list[str]]]:
    """By device: the run that is taken back there, and copies that come back beside it. Who names one copy gets that,
    and the run that took it counts as taken back when it was the last of it."""
    if undoes is not None or not arguments.get("copy") or not isinstance(whole, File):
        own = taken_by_itself(whole) if undoes is None else {}
        return _to_take_back(action, _key_of(whole), undoes), own
    copy = copy_named(whole, str(arguments["copy"]), user)
    run = copy.run if is_last_of_its_run(copy) and copy.run is not None and not _is_undone(copy.run) else None
    return ({copy.device_id: run} if run else {}), {copy.device_id: [copy.item]}


def _to_take_back(action: Action, key: str, undoes: ActionRun | None) -> dict[int, ActionRun]:
    """Device id -> the child run that would be taken back. What gave back single copies took no run back."""
    runs = ActionRun.objects.filter(facet=action.facet, facet_key=key, target_kind="device", status__in=DONE)
    runs = runs.exclude(action=action.key, undoes=None)
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
    arguments: dict[str, Any],
    device: Device,
    bindings: list[DeviceBinding],
    earlier: dict[int, ActionRun],
    shield: Shield | None,
) -> Child:
    undoes = earlier.get(device.pk)
    key = str(arguments.get("entry") or arguments["file_key"])
    if shield is not None and shield.refuses:
        why = f"{device} is protected ({shield.asset.get_kind_display()})."
        return Child(device, arguments, key, None, why, undoes)
    if len(bindings) != 1:
        how = "No connection is bound" if not bindings else "More than one remote object is bound"
        return Child(device, arguments, key, None, f"{how} to {device}.", undoes)
    try:
        bound = check_connection(action, bindings[0].connection, bindings[0].remote_id, str(device), device.kind)
    except Refused as refusal:
        return Child(device, arguments, key, None, refusal.message, undoes)
    if why := _unfit(bound, arguments):
        return Child(device, arguments, key, None, f"{device}: {why}", undoes)
    return Child(device, arguments, key, bound, "", undoes)


def _unfit(bound: Bound, arguments: Mapping[str, Any]) -> str:
    """Why the connection cannot take these very arguments; empty when it can."""
    told = bound.capability.arguments_schema
    wanted = told.get("properties", {}).get("file_key", {}).get("pattern", "")
    key = str(arguments.get("file_key", ""))
    if wanted and not re.search(wanted, key):
        return f"It finds a file by its SHA-256 only; of this one the {key.partition(':')[0].upper()} alone is known."
    if "path" in told.get("required", ()) and not arguments.get("path"):
        return "No alert told where the file lies there."
    return ""
