"""Writing down what one step brought, under the claim of the worker that took it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from connectors.enums import FINAL_STATES, DeliveryState
from connectors.lifecycle import DELIVERY_STATE
from connectors.models import Delivery
from connectors.ports import Artefact, Report
from core import blobs, clock, jobs, outbox
from core.actors import Actor
from core.models import Blob

COURIER = Actor.system("deliveries")
KEPT_DAYS = 180
MAX_LOG = 200
LONGEST_COUNTDOWN_S = 30.0
_STAMPS = {DeliveryState.DELIVERED: "delivered_at", DeliveryState.STARTED: "started_at"}
_ORDER = (DeliveryState.QUEUED, DeliveryState.DELIVERED, DeliveryState.STARTED)


@dataclass(frozen=True, slots=True)
class Step:
    """The outcome of one step: a new state or None, and when to look again. None keeps a column as it is."""

    state: DeliveryState | None
    due_in_s: float = 0.0
    ticket: str | None = None
    error_code: str | None = None
    error: str | None = None
    attempts: int | None = None
    maybe_sent: bool | None = None
    forget_cancel: bool = False
    line: str = ""
    report: Report | None = None


def settle(delivery: Delivery, step: Step) -> bool:
    """Write the step down unless the worker's claim was lost meanwhile; tell the listeners and plan the next look."""
    with transaction.atomic():
        row = Delivery.objects.select_for_update().filter(pk=delivery.pk, claim=delivery.claim).first()
        if row is None or row.state in FINAL_STATES:
            return False
        values = _values(row, step)
        state = _forward(row, step.state)
        if state is None:
            Delivery.objects.filter(pk=row.pk).update(**values)
        else:
            stamps: dict[str, Any] = {_STAMPS[state]: clock.now()} if state in _STAMPS else {}
            if state in FINAL_STATES:
                stamps = {"ended_at": clock.now()}
            DELIVERY_STATE.move(
                row,
                state,
                actor=COURIER,
                thread=row.reference,
                reason=values.get("error", row.error),
                **values,
                **stamps,
            )
        outbox.publish("delivery.changed", delivery_id=row.pk, reference=row.reference)
        if (state or row.state) not in FINAL_STATES and step.due_in_s <= LONGEST_COUNTDOWN_S:
            jobs.enqueue_in(step.due_in_s, "connectors.tasks.step_delivery", row.pk)
    return True


def _forward(row: Delivery, wanted: DeliveryState | None) -> DeliveryState | None:
    """The state to move to; reports that arrive late never take a delivery back."""
    current = DeliveryState(row.state)
    if wanted is None or wanted == current:
        return None
    if wanted in _ORDER and current in _ORDER and _ORDER.index(wanted) < _ORDER.index(current):
        return None
    return wanted


def _values(row: Delivery, step: Step) -> dict[str, Any]:
    values: dict[str, Any] = {
        "leased_until": None,
        "due": clock.real_now() + timedelta(seconds=step.due_in_s),
    }
    for name in ("ticket", "error_code", "attempts", "maybe_sent"):
        if getattr(step, name) is not None:
            values[name] = getattr(step, name)
    if step.error is not None:
        values["error"] = step.error[:500]
    if step.forget_cancel:
        values["cancel_asked_at"] = None
    if step.line:
        line = {"id": f"portal-{row.claim}", "at": clock.now().isoformat(), "level": "info", "text": step.line}
        values["log"] = [*row.log, line][-MAX_LOG:]
    if step.report is not None:
        values |= _reported(row, step.report)
    return values


def _reported(row: Delivery, report: Report) -> dict[str, Any]:
    known = {line["id"] for line in row.log}
    fresh = [
        {"id": line.id[:60], "at": line.at.isoformat(), "level": line.level, "text": line.text[:1000]}
        for line in report.log
        if line.id[:60] not in known
    ]
    kept = {artefact["name"] for artefact in row.artefacts}
    artefacts = [
        {
            "name": one.name,
            "blob_id": _kept(one).pk,
            "proof": dict(one.proof),
            **({"password": one.password} if one.password else {}),
        }
        for one in report.artefacts
        if one.name not in kept
    ]
    values: dict[str, Any] = {
        "log": [*row.log, *fresh][-MAX_LOG:],
        "artefacts": [*row.artefacts, *artefacts],
        "cursor": report.cursor[:200],
        "error_code": report.code[:60],
        "error": report.detail[:500],
    }
    if report.progress is not None:
        values["progress"] = report.progress
    if report.result:
        values["result"] = dict(report.result)
    if report.receipt is not None:
        values["receipt"] = report.receipt.as_json()
    return values


def _kept(one: Artefact) -> Blob:
    content = blobs.InMemory(one.content) if isinstance(one.content, bytes) else one.content
    return content.keep(name=one.name, media_type=one.media_type, for_days=KEPT_DAYS)


def poll_pause_s(delivery: Delivery) -> float:
    """How long to wait before the next look when the remote side gives no hint: often at first, then seldom."""
    age = (clock.now() - (delivery.delivered_at or clock.now())).total_seconds()
    for limit, pause in ((2.0, 0.3), (10.0, 1.0), (60.0, 3.0), (600.0, 10.0)):
        if age < limit:
            return pause
    return 60.0
