"""What a device took into its quarantine by itself, because an indicator says so: it tells of it with its heartbeat, it
stands in the list of quarantine, and it is given back by an ordinary restore."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from connectors.enums import AgentState
from connectors.models import Agent
from core import audit, clock
from core.actors import Actor
from incidents.models import Device, File
from incidents.services.agents import device_of
from incidents.services.facts import FileFacts
from incidents.services.resolve_entities import resolve_files
from remediation.enums import CustodyKind
from remediation.models import Custody, Indicator, QuarantinedItem
from remediation.services.custody import Piece, take_into_custody

# As many as an agent tells of; a device that tells of ever new ones is not believed beyond the second.
MOST_TOLD, MOST_OF_ONE = 100, 2_000
GONE = "The device no longer has it in quarantine."
_ITEM, _SHA256 = re.compile(r"[0-9a-f]{8,64}"), re.compile(r"[0-9a-f]{64}")
_LATEST = 2**33


def agent_told(*, agent_id: int, **_more: object) -> None:
    """Listener of `agent.told`; told twice it does the same as told once."""
    agent = Agent.objects.filter(pk=agent_id, state=AgentState.APPROVED).defer("inventory").first()
    told = _told_by(agent) if agent is not None else None
    device = device_of(agent) if agent is not None and told is not None else None
    if told is None or device is None:
        return
    own = QuarantinedItem.objects.by_itself().filter(device=device)
    known = set(own.values_list("item", flat=True)) if told else set()
    if fresh := [one for item, one in told.items() if item not in known]:
        _keep(device, fresh[: max(0, MOST_OF_ONE - len(known))])
    if len(told) < MOST_TOLD:
        _let_go(list(own.held().exclude(item__in=told)))


def _told_by(agent: Agent) -> dict[str, Mapping[str, Any]] | None:
    """By item, what can be what it says; None where the device tells of none at all, as an older agent does."""
    observed = agent.status.get("observed")
    seen = observed.get("files") if isinstance(observed, dict) else None
    evidence = seen.get("evidence") if isinstance(seen, dict) else None
    listed = evidence.get("items") if isinstance(evidence, dict) else None
    if not isinstance(listed, list):
        return None
    return {one["item"]: one for one in listed[:MOST_TOLD] if isinstance(one, dict) and _is_item(one)}


def _is_item(one: Mapping[str, Any]) -> bool:
    texts = [one.get(name) for name in ("item", "sha256", "path")]
    if not all(isinstance(text, str) for text in texts):
        return False
    item, sha256, path = map(str, texts)
    return bool(_ITEM.fullmatch(item) and _SHA256.fullmatch(sha256) and path.startswith("/"))


def _keep(device: Device, told: Sequence[Mapping[str, Any]]) -> None:
    for one in told:
        with transaction.atomic():
            name, path = _name(one), str(one["path"])[:4_096]
            size = one.get("size")
            size = size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**62 else None
            facts = FileFacts(sha256=str(one["sha256"]), name=name, path=path[:1_000], size=size)
            file = resolve_files([facts], at=clock.now(), exercise=device.exercise)[0]
            item, made = QuarantinedItem.objects.get_or_create(
                device=device, item=str(one["item"]), run=None,
                defaults={"file": File.objects.filter(pk=file.id or 0).first(), "name": name, "path": path,
                          "sha256": str(one["sha256"]), "size": size, "since": _moment(one.get("stored")),
                          "indicator": _indicator(one.get("indicator"), device)},
            )  # fmt: skip
            if made:
                _take(item)


def _take(item: QuarantinedItem) -> None:
    """Its record begins as that of what an order took: the device is who did it."""
    piece = Piece(f"quarantined:{item.pk}", CustodyKind.QUARANTINED, item.name, item.sha256, item.size, None,
                  item.device, thread=f"device:{item.device_id}")  # fmt: skip
    take_into_custody(piece, actor=Actor.system(f"agent on {item.device}"[:150]))


def _let_go(rows: Sequence[QuarantinedItem]) -> None:
    """Given back on the host itself, or by an order whose answer is still on its way."""
    if not rows:
        return
    with transaction.atomic():
        QuarantinedItem.objects.held().filter(pk__in=[row.pk for row in rows]).update(released=clock.now())
        release_custody(rows, actor=Actor.system("endpoint agents"), why=GONE)


def release_custody(rows: Sequence[QuarantinedItem], *, actor: Actor, why: str, run: int | None = None) -> None:
    """Their records end. Runs in the caller's transaction."""
    known = Custody.objects.filter(reference__in=[f"quarantined:{row.pk}" for row in rows], gone=None)
    for custody in known:
        audit.record("custody.released", subject=custody.subject, thread=custody.thread, actor=actor, reason=why,
                     data={"evidence": custody.number, "run": run})  # fmt: skip
    known.update(gone=clock.now(), gone_why=why)


def _name(told: Mapping[str, Any]) -> str:
    return str(told["path"]).rpartition("/")[2][:255] or "file"


def _indicator(told: object, device: Device) -> Indicator | None:
    """The one that it names, by what it is called in the list of all devices, of those that hold there: who sees the
    device does not hear from it of another group's."""
    name = str(told)[:300]
    here = Q(device_group_ids=[]) | Q(device_group_ids__contains=[device.device_group_id])
    rows = Indicator.objects.filter(here, key=name.partition("|")[0]).order_by("-pk")
    return next((row for row in rows if row.remote_key == name), None)


def _moment(told: object) -> datetime:
    """When the device says that it took it, never in the future."""
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 < told < _LATEST:
        return clock.now()
    return min(datetime.fromtimestamp(told, UTC), clock.now())
