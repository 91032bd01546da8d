"""What the delivery tells of a run: lines, files, progress and how far it has come."""

from datetime import datetime

from django.db import transaction

from connectors.enums import FINAL_STATES, DeliveryState
from connectors.models import Delivery
from remediation.enums import LogLevel, RunStatus
from remediation.lifecycle import announce_run, move_run
from remediation.models import ActionRun
from remediation.services.claims import look_again
from remediation.services.deliveries import run_id_of
from remediation.services.fan_out import derive_parent
from remediation.services.notes import Line, attach_blob, note, note_lines
from remediation.services.outcome import EXECUTOR, end_run, pass_through_start

_LEVELS = {"info": LogLevel.INFO, "warning": LogLevel.WARNING, "error": LogLevel.ERROR}
_NO_EFFECT = {DeliveryState.CANCELLED: RunStatus.CANCELLED, DeliveryState.EXPIRED: RunStatus.EXPIRED}


def delivery_changed(*, delivery_id: int, reference: str) -> None:
    """Listener of `delivery.changed`; told twice it does the same as told once."""
    run_id = run_id_of(reference)
    if run_id is None:
        return
    with transaction.atomic():
        run = (
            ActionRun.objects.select_for_update(of=("self",))
            .select_related("incident", "connection")
            .filter(pk=run_id)
            .first()
        )
        delivery = Delivery.objects.filter(pk=delivery_id).first()
        if run is not None and delivery is not None:
            take_over(run, delivery)


def take_over(run: ActionRun, delivery: Delivery) -> None:
    """Bring the run up to its delivery. The row is locked."""
    copy_report(run, delivery)
    if not run.is_open:
        if run.status == RunStatus.UNKNOWN and delivery.state in FINAL_STATES:
            look_again(run, 0)  # the remote side has spoken after all
        return
    state = DeliveryState(delivery.state)
    if state == DeliveryState.DELIVERED and run.status == RunStatus.QUEUED:
        move_run(run, RunStatus.DELIVERED, actor=EXECUTOR)
        note(run, f"Handed over to {run.connection}.", origin="delivered")
    elif state == DeliveryState.STARTED and run.status in {RunStatus.QUEUED, RunStatus.DELIVERED}:
        pass_through_start(run, actor=EXECUTOR)
    elif state in _NO_EFFECT:
        end_run(run, status=_NO_EFFECT[state], detail=delivery.error, actor=EXECUTOR)
        return
    elif state in FINAL_STATES or state == DeliveryState.UNKNOWN:
        look_again(run, 0)
        return
    elif state == DeliveryState.QUEUED and delivery.error:
        _waiting(run, delivery)
    if run.parent_id is not None:
        derive_parent(run.parent_id, actor=EXECUTOR)


def copy_report(run: ActionRun, delivery: Delivery) -> None:
    """Lines, files and figures; what was copied before stays as it is."""
    note_lines(run, [_line(told) for told in delivery.log])
    for artefact in delivery.artefacts:
        attach_blob(run, artefact["blob_id"], name=artefact["name"], proof=artefact.get("proof"),
                    password=str(artefact.get("password", "")))  # fmt: skip
    values = {"progress": delivery.progress, "result": delivery.result, "receipt": delivery.receipt}
    changed = {name: value for name, value in values.items() if value and getattr(run, name) != value}
    if changed:
        ActionRun.objects.filter(pk=run.pk).update(**changed)
        for name, value in changed.items():
            setattr(run, name, value)
        announce_run(run)


def _line(told: dict[str, str]) -> Line:
    return Line(
        text=told["text"],
        origin=f"delivery-{told['id']}",
        level=_LEVELS.get(told["level"], LogLevel.INFO),
        at=datetime.fromisoformat(told["at"]),
    )


def _waiting(run: ActionRun, delivery: Delivery) -> None:
    """Why it has not left yet."""
    detail = f"Waiting: {delivery.error}"[:500]
    if run.status_detail != detail:
        ActionRun.objects.filter(pk=run.pk).update(status_detail=detail)
        run.status_detail = detail
        note(run, detail, origin=f"waiting-{delivery.error_code}-{delivery.attempts}", level=LogLevel.WARNING)
        announce_run(run)
