"""What devices answer to a sweep, written down: where something was found, and what is there no more."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from core import clock
from incidents.models import File, Identity
from incidents.services.facts import FileFacts
from incidents.services.resolve_entities import resolve_files
from remediation.enums import OPEN_STATUSES, FindingState, RunStatus, SweepItemKind, SweepPartState
from remediation.lifecycle import FINDING_STATE
from remediation.models import ActionRun, Sweep, SweepFinding, SweepPart
from remediation.services.sweep import SWEEPER, announce_sweep, settle_sweep

MOST_FOUND = 500
ANSWERED = (RunStatus.SUCCEEDED, RunStatus.PARTIALLY_SUCCEEDED)
IN_QUARANTINE = "quarantine item "
# Which parts of its look through a device has to get through before something of a kind is not there.
_LOOKED = {
    SweepItemKind.HASH: {"processes", "starts", "files"},
    SweepItemKind.PATH: {"paths", "processes"},
    SweepItemKind.PERSISTENCE: {"starts"},
    SweepItemKind.ADDRESS: {"addresses", "names"},
    SweepItemKind.DOMAIN: {"processes", "names"},
    SweepItemKind.ACCOUNT: {"accounts"},
}
_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def run_ended(run_id: int, status: str, **_more: Any) -> None:
    """Listener of `run.ended`: of the run that asked a device, and of one that removes what was found."""
    part = SweepPart.objects.filter(run_id=run_id).first()
    if part is not None:
        take_answer(part.pk)
    else:
        follow_removal(run_id)


def take_answer(part_id: int) -> None:
    """Bring a part up to its run. Told twice it does the same as told once."""
    with transaction.atomic():
        part = SweepPart.objects.select_for_update().get(pk=part_id)
        run = ActionRun.objects.filter(pk=part.run_id or 0).first()
        sweep = Sweep.objects.select_related("incident").get(pk=part.sweep_id)
        if run is None or run.status in OPEN_STATUSES or part.state == SweepPartState.ANSWERED:
            return
        if run.status in ANSWERED:
            _take(sweep, part, run)
        else:
            part.state, part.detail = SweepPartState.SILENT, run.status_detail or run.get_status_display()
        part.save()
        announce_sweep(sweep)
    settle_sweep(part.sweep_id)


def _take(sweep: Sweep, part: SweepPart, run: ActionRun) -> None:
    at = run.ended or clock.now()
    told = run.result.get("found")
    hits = list(_hits(told if isinstance(told, list) else [], {one["id"] for one in sweep.items}))
    items = {one["id"]: one for one in sweep.items}
    held = [hit for hit in hits if str(hit.get("where")).startswith(IN_QUARANTINE)]
    contents = _contents(hits, items)
    seen = {_keep(sweep, part, items[str(hit["id"])], hit, at, contents) for hit in hits if hit not in held}
    part.missed = missed_kinds(run.result)
    part.cut = bool(part.missed)
    part.found, part.state, part.answered = len(seen), SweepPartState.ANSWERED, at
    part.detail = _said(run.result, len(held))
    _call_gone(sweep, part, seen)


def missed_kinds(result: Mapping[str, Any]) -> list[str]:
    """The kinds that the device says it could not look for everywhere, or not tell of in full."""
    incomplete = result.get("incomplete")
    parts = set(incomplete) if isinstance(incomplete, dict) else set()
    if "found" in parts or result.get("more") or result.get("truncated"):
        return [str(kind) for kind in SweepItemKind.values]
    return sorted({kind for kind, looked in _LOOKED.items() if parts & looked})


def _said(result: Mapping[str, Any], held: int) -> str:
    """What the device could not look through, and what it holds in quarantine already."""
    incomplete = result.get("incomplete")
    parts = [f"{part}: {why}" for part, why in incomplete.items()] if isinstance(incomplete, dict) else []
    words = ["Not looked through: " + "; ".join(parts)] if parts else []
    words += [f"{held} lie in its quarantine" if held > 1 else "One lies in its quarantine"] if held else []
    return _text(". ".join(words), 500)


def _contents(hits: list[Mapping[str, Any]], items: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """By place, the SHA-256 of the file there: of those that were found by it."""
    found = {}
    for hit in hits:
        item = items[str(hit["id"])]
        if item["kind"] == SweepItemKind.HASH and len(item["value"]) == 64:
            found[str(hit.get("where"))] = item["value"]
    return found


def _hits(told: list[Any], items: set[str]) -> Iterator[Mapping[str, Any]]:
    """Of what a device says only what it was asked."""
    for hit in told[:MOST_FOUND]:
        if isinstance(hit, dict) and str(hit.get("id")) in items:
            yield hit


def _keep(
    sweep: Sweep,
    part: SweepPart,
    item: Mapping[str, str],
    hit: Mapping[str, Any],
    at: datetime,
    contents: Mapping[str, str],
) -> int:
    """The finding of this hit, new or found again."""
    where, detail = _text(hit.get("where"), 2_000), _text(hit.get("detail"), 1_000)
    digest = sha256("\n".join((item["kind"], item["value"], where)).encode()).hexdigest()
    content = _content_of(item, hit, detail) or contents.get(where, "")
    defaults = {
        "kind": item["kind"], "value": item["value"], "where": where, "detail": detail, "sha256": content,
        "file": _file(content, _place(item, where), at, sweep.exercise), "identity": _identity(item), "first_seen": at,
        "last_seen": at,
    }  # fmt: skip
    finding, made = SweepFinding.objects.get_or_create(
        incident=sweep.incident, device_id=part.device_id, digest=digest, defaults=defaults
    )
    if not made:
        fresh = {name: defaults[name] for name in ("detail", "sha256", "file", "last_seen")}
        SweepFinding.objects.filter(pk=finding.pk).update(**fresh)
        if finding.state == FindingState.REMOVED:
            why = f"{sweep.number} found it again."
            FINDING_STATE.move(finding, FindingState.FOUND, actor=SWEEPER, thread=sweep.thread, reason=why)
    finding.sweeps.add(sweep)
    return int(finding.pk)


def _place(item: Mapping[str, str], where: str) -> str:
    """The place of the file; of one that was found running, the path that was looked for."""
    return item["value"] if item["kind"] == SweepItemKind.PATH and not where.startswith("/") else where


def _text(value: object, most: int) -> str:
    return str(value if value is not None else "").replace("\x00", "")[:most]


def _content_of(item: Mapping[str, str], hit: Mapping[str, Any], detail: str) -> str:
    """The SHA-256 of the file that was found, as far as anybody says."""
    told = str(hit.get("sha256", "")).lower()
    if _DIGEST.fullmatch(told):
        return told
    if item["kind"] == SweepItemKind.HASH and len(item["value"]) == 64:
        return item["value"]
    named = _DIGEST.search(detail.lower())
    return named[0] if named else ""


def _file(content: str, where: str, at: datetime, exercise: str) -> File | None:
    if not content:
        return None
    name = re.split(r"[\\/]", where)[-1][:255] or content[:12]
    known = resolve_files([FileFacts(sha256=content, name=name, path=where[:1_000])], at=at, exercise=exercise)
    return File.objects.filter(pk=known[0].id or 0).first()


def _identity(item: Mapping[str, str]) -> Identity | None:
    """The one account that is meant, when there is only one."""
    if item["kind"] != SweepItemKind.ACCOUNT:
        return None
    name = item["value"]
    same = Q(key=name.lower()) | Q(account_name__iexact=name) | Q(upn__iexact=name)
    found = list(Identity.objects.filter(same)[:2])
    return found[0] if len(found) == 1 else None


def _call_gone(sweep: Sweep, part: SweepPart, seen: set[int]) -> None:
    """What this device was asked for and did not find any more."""
    asked = {(one["kind"], one["value"]) for one in sweep.items}
    before = SweepFinding.objects.select_for_update().filter(incident=sweep.incident, device_id=part.device_id)
    gone = [one for one in before.exclude(pk__in=seen).exclude(state=FindingState.REMOVED)
            if (one.kind, one.value) in asked and one.kind not in part.missed]  # fmt: skip
    if gone:
        FINDING_STATE.move_many(
            gone, FindingState.REMOVED, actor=SWEEPER, thread=sweep.thread, reason=f"{sweep.number} did not find it."
        )


def follow_removal(run_id: int) -> None:
    """What came of a removal, device by device: verified it is removed, else it is still there."""
    run = ActionRun.objects.filter(pk=run_id).first()
    if run is None:
        return
    whole = run.parent_id or run.pk
    with transaction.atomic():
        _quarantined_there(run, whole)
        _put_back_there(run)
        asked = SweepFinding.objects.select_for_update(of=("self",)).filter(removal=whole, state=FindingState.ASKED)
        if run.target_kind == "device":
            asked = asked.filter(device=run.target_id)
        elif run.children.exists():
            asked = asked.exclude(device__in=run.children.values("target_id"))
        for finding in asked:
            removed = run.status == RunStatus.SUCCEEDED or finding.where in _places(run, "taken")
            state = FindingState.REMOVED if removed else FindingState.FOUND
            said = f"{run.number}: {run.status_detail or run.get_status_display()}"
            FINDING_STATE.move(finding, state, actor=SWEEPER, thread=f"incident:{finding.incident_id}", reason=said)
        for sweep in Sweep.objects.select_related("incident").filter(findings__removal=whole).distinct()[:5]:
            announce_sweep(sweep)


def _quarantined_there(run: ActionRun, whole: int) -> None:
    """A file that was quarantined on a device is gone from there for every incident, whoever asked for it. Of one that
    could not be taken from every place, what was taken is gone."""
    if run.action != "file.quarantine" or run.target_kind != "device" or run.status not in ANSWERED:
        return
    there = _of_its_file(run).filter(state__in=[FindingState.FOUND, FindingState.ASKED])
    if run.status != RunStatus.SUCCEEDED:
        there = there.filter(where__in=_places(run, "taken"))
    for finding in there:
        said = f"{run.number}: {run.status_detail}"
        FINDING_STATE.move(finding, FindingState.REMOVED, actor=SWEEPER, thread=f"incident:{finding.incident_id}",
                           reason=said, removal_id=whole)  # fmt: skip


def _put_back_there(run: ActionRun) -> None:
    """What was given back to its place on a device is found there again, for every incident, unless it was asked away
    since. Where none of the places was found as such, what ran from them stands for them; of a device that names no
    places, everything that a quarantine removed is back."""
    if run.action != "file.restore" or run.target_kind != "device" or run.status not in ANSWERED:
        return
    there = _of_its_file(run).filter(Q(removal=None) | Q(removal__lt=run.pk), state=FindingState.REMOVED)
    places = _places(run, "restored")
    back = list(there.filter(where__in=places))
    if not back:
        taken = there.filter(removal__action="file.quarantine")
        back = list(taken.exclude(where__startswith="/") if places else taken)
    why = f"{run.number} put it back."
    for finding in back:
        FINDING_STATE.move(finding, FindingState.FOUND, actor=SWEEPER, thread=f"incident:{finding.incident_id}",
                           reason=why)  # fmt: skip
    for sweep in Sweep.objects.select_related("incident").filter(findings__in=back).distinct()[:5]:
        announce_sweep(sweep)


def _of_its_file(run: ActionRun) -> QuerySet[SweepFinding]:
    """What was found of the file on the device of this part of an action on files, locked."""
    file_id = str(run.arguments.get("file_id") or "")
    return SweepFinding.objects.select_for_update(of=("self",)).filter(
        device=run.target_id, file=int(file_id) if file_id.isdecimal() else 0
    )


def _places(run: ActionRun, name: str) -> set[str]:
    """The paths that the device says it took a file from (`taken`) or gave it back to (`restored`)."""
    told = run.result.get(name)
    return {str(one.get("path")) for one in told if isinstance(one, dict)} if isinstance(told, list) else set()


def catch_up() -> None:
    """Parts whose run ended unheard."""
    waiting = SweepPart.objects.filter(state=SweepPartState.ASKED).exclude(run__status__in=OPEN_STATUSES)
    for pk in waiting.order_by(F("pk")).values_list("pk", flat=True)[:200]:
        take_answer(pk)
