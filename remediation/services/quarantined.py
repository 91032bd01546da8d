"""What lies in the quarantine of which device, from what the runs that put it there were answered."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q

from core import clock
from incidents.models import Device, File
from remediation.enums import CustodyKind, Facet, RunStatus
from remediation.models import ActionRun, ControlState, QuarantinedItem
from remediation.services.custody import Piece, take_into_custody
from remediation.services.own_quarantine import release_custody
from remediation.services.standing import set_free

PUT, BACK = "file.quarantine", "file.restore"
MOST_ITEMS = 200
_DONE = (RunStatus.SUCCEEDED, RunStatus.PARTIALLY_SUCCEEDED)
GONE = "Given back to its place."


def run_ended(run_id: int, status: str, **_more: Any) -> None:
    """Listener of `run.ended`; told twice it does the same as told once."""
    if status not in _DONE:
        return
    run = ActionRun.objects.select_related("incident", "parent").filter(pk=run_id, target_kind="device").first()
    device = Device.objects.filter(pk=run.target_id).first() if run else None
    if run is None or device is None:
        return
    with transaction.atomic():
        if run.action == PUT:
            _put(run, device)
        elif run.action == BACK:
            _back(run, device)


def _put(run: ActionRun, device: Device) -> None:
    file = File.objects.filter(pk=int(run.arguments.get("file_id") or 0)).first()
    taken = run.result.get("taken")
    told = [one for one in taken if isinstance(one, dict)] if isinstance(taken, list) else []
    for one in told[:MOST_ITEMS] or [{}]:
        _keep(run, device, file, one)


def _keep(run: ActionRun, device: Device, file: File | None, told: Mapping[str, Any]) -> None:
    path = _text(told.get("path") or (file.path if file else ""), 4_096)
    size = told.get("size")
    size = size if isinstance(size, int) and 0 <= size < 2**62 else None
    sha256 = _text(told.get("sha256") or (file.sha256 if file else ""), 64)
    # What the portal knows of a file's place may be its folder alone, so only a path that the device told names it.
    known = file.display_name if file else str(run.arguments.get("file_name", "file"))
    name = path.replace("\\", "/").rpartition("/")[2] if told.get("path") else known
    stored = _text(told.get("item"), 120)
    if stored and _is_known(run, device, stored):
        return
    item, made = QuarantinedItem.objects.get_or_create(
        run=run, item=stored, path=path,
        defaults={"device": device, "file": file, "name": (name or known)[:255], "sha256": sha256,
                  "since": run.ended or clock.now(), "size": size},
    )  # fmt: skip
    if made:
        piece = Piece(f"quarantined:{item.pk}", CustodyKind.QUARANTINED, item.name, sha256, item.size, None, device,
                      run.incident, run, thread=run.thread)  # fmt: skip
        take_into_custody(piece, actor=run.requester)


def _is_known(run: ActionRun, device: Device, stored: str) -> bool:
    """Whether the copy has its row. A device answers for what lies in its store already too, so taking back the newest
    run gives it back: the row passes on to that run. What the device took by itself stays its own."""
    rows = QuarantinedItem.objects.select_for_update(of=("self",)).filter(device=device, item=stored)
    if rows.filter(run__gt=run.pk).exists():
        return True
    held = list(rows.held())
    if held and all(row.run_id is not None and row.run_id < run.pk for row in held):
        QuarantinedItem.objects.filter(pk=held[0].pk).update(run=run)
    return bool(held)


def _back(run: ActionRun, device: Device) -> None:
    rows_here = QuarantinedItem.objects.select_for_update(of=("self",)).filter(device=device)
    # What a device took by itself it may have told to be gone before its answer came.
    here = rows_here.filter(Q(released=None) | Q(run=None, released_by=None))
    held = here.filter(file=int(run.arguments.get("file_id") or 0))
    told = run.result.get("restored")
    restored = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    named = {_text(one.get("item"), 120) for one in restored}
    rows = [row for row in held if not row.item or (not named and row.run_id) or row.item in named]
    QuarantinedItem.objects.filter(pk__in=[row.pk for row in rows]).update(
        released=run.ended or clock.now(), released_by=run
    )
    release_custody(rows, actor=run.requester, why=GONE, run=run.pk)
    set_free(run, actor=run.requester)


def without_given_back(run: ActionRun) -> dict[str, Any]:
    """The receipt of what is taken back, without the copies that came back one by one, which a device has no more, and
    without those that it had taken by itself before."""
    receipt: dict[str, Any] = dict(run.receipt)
    token = receipt.get("token")
    if run.action == PUT and isinstance(token, dict) and token.get("items"):
        known = QuarantinedItem.objects.filter(device=run.target_id, item__in=token["items"])
        held, own = known.held().values_list("item", flat=True), known.held().by_itself().values_list("item", flat=True)
        gone = (set(known.exclude(released=None).values_list("item", flat=True)) - set(held)) | set(own)
        receipt["token"] = {**token, "items": [one for one in token["items"] if one not in gone]}
    return receipt


def several_of(runs: Collection[int]) -> set[int]:
    """Of these runs those that took more than one copy that is still held."""
    held = QuarantinedItem.objects.held().filter(run__in=runs).order_by().values("run").annotate(copies=Count("pk"))
    return set(held.filter(copies__gt=1).values_list("run", flat=True))


def drifts_of(items: Sequence[QuarantinedItem]) -> dict[int, ControlState]:
    """By id of the item, the state of its file on its device where that is not in quarantine any more, though it should
    be: of several copies one may have come back as wanted."""
    keys = {(item.device_id, item.file.key): item.pk for item in items if item.file is not None}
    states = ControlState.objects.filter(
        target_kind="device", facet=Facet.FILES, target_id__in={device for device, _ in keys},
        facet_key__in={key for _, key in keys},
    ).exclude(observed__in=["", "quarantined"]).exclude(desired=F("observed"))  # fmt: skip
    by_place = {(state.target_id, state.facet_key): state for state in states}
    return {
        item.pk: by_place[(item.device_id, item.file.key)]
        for item in items
        if item.file is not None and (item.device_id, item.file.key) in by_place
    }


def _text(value: object, most: int) -> str:
    return str(value if value is not None else "").replace("\x00", "")[:most]
