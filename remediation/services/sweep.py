"""Asking every device in reach for the traces of an incident. Each device is asked by an ordinary run."""

import json
from typing import Any

from django.db import transaction
from django.db.models import Count, Q

from accounts.models import User
from connectors.models import Connection
from connectors.registry import all_kinds
from core import audit, clock, jobs, live
from core.actors import Actor
from core.pagination import through
from incidents.models import Device, Incident
from incidents.queries.entities import DeviceQuerySet
from remediation import policy
from remediation.catalog import get
from remediation.catalog.sweeps import KEY
from remediation.enums import Source, SweepPartState, SweepState
from remediation.lifecycle import SWEEP_STATE
from remediation.models import Sweep, SweepPart
from remediation.refused import Refused
from remediation.services.gather_signs import clean_signs
from remediation.services.request import clean_comment, request_action

ASK = "remediation.tasks.ask_sweep"
SWEEPER = Actor.system("sweep")
MOST_DEVICES = 5_000
AT_ONCE = 25
_OPEN = (SweepPartState.WAITING, SweepPartState.ASKED)


def devices_in_reach(user: User, *, exercise: str = "") -> DeviceQuerySet:
    """Devices in scope, of the world that the incident is of, that are bound to one connection of a kind that can be
    swept. A simulated story is none of a real host's business, nor the other way round."""
    able = [kind.key for kind in all_kinds()
            if kind.open(Connection(kind=kind.key)).describe().capability(KEY, "device") is not None]  # fmt: skip
    bound = Device.objects.visible_to(user).annotate(
        bound=Count("bindings", distinct=True),
        able=Count(
            "bindings",
            filter=Q(bindings__connection__enabled=True, bindings__connection__kind__in=able),
            distinct=True,
        ),
    )
    return bound.filter(bound=1, able=1, exercise=exercise)


def start_sweep(
    incident: Incident,
    *,
    items: list[dict[str, Any]],
    reason: object,
    actor: Actor,
    user: User,
    source: str = Source.MANUAL,
) -> Sweep:
    """Ask all of them. Raises `ValidationError` (list or reason) and `Refused` (right, scope, nothing in reach)."""
    said, signs = clean_comment(reason), clean_signs(items)
    policy.check_permissions(user, get(KEY).request_permissions, to_do="sweep devices")
    if not Incident.objects.visible_to(user).filter(pk=incident.pk).exists():
        raise Refused("out_of_scope", f"{incident.number} is not visible to {user}.")
    devices = list(
        devices_in_reach(user, exercise=incident.exercise).order_by("display_name", "pk")[: MOST_DEVICES + 1]
    )
    if not devices:
        raise Refused("nothing_to_do", "No device in your scope is bound to an agent that can be swept.")
    if len(devices) > MOST_DEVICES:
        raise Refused("cap_reached", f"One sweep asks at most {MOST_DEVICES:,} devices.")
    with transaction.atomic():
        sweep = Sweep.objects.create(
            incident=incident, reason=said, items=signs, asked_by=actor.as_json(), asker_id=user.pk, source=source,
            exercise=incident.exercise,
        )  # fmt: skip
        SweepPart.objects.bulk_create([SweepPart(sweep=sweep, device=device) for device in devices], batch_size=500)
        audit.record(
            "sweep.started", subject=f"sweep:{sweep.pk}", thread=sweep.thread, actor=actor, reason=said,
            data={"signs": len(signs), "devices": len(devices)},
        )  # fmt: skip
        announce_sweep(sweep)
        jobs.enqueue(ASK, sweep.pk)
    return sweep


def ask_devices(sweep_id: int) -> None:
    """Ask the next devices under the rights of whoever started it; more follow in a task of their own."""
    sweep = Sweep.objects.select_related("incident").filter(pk=sweep_id, state=SweepState.ASKING).first()
    if sweep is None:
        return
    user = User.objects.filter(pk=sweep.asker_id).first()
    for part in sweep.parts.filter(state=SweepPartState.WAITING).select_related("device").order_by("pk")[:AT_ONCE]:
        _ask(sweep, part, user)
    announce_sweep(sweep)
    if sweep.parts.filter(state=SweepPartState.WAITING).exists():
        jobs.enqueue(ASK, sweep.pk)
        return
    with transaction.atomic():
        row = Sweep.objects.select_for_update().get(pk=sweep.pk)
        if row.state == SweepState.ASKING:
            SWEEP_STATE.move(row, SweepState.RUNNING, actor=SWEEPER, thread=row.thread)
    settle_sweep(sweep.pk)


def _ask(sweep: Sweep, part: SweepPart, user: User | None) -> None:
    """One device; whoever else works on the same sweep leaves it alone."""
    with transaction.atomic():
        row = SweepPart.objects.select_for_update(skip_locked=True).filter(pk=part.pk, state=SweepPartState.WAITING)
        if not row.exists():
            return
        if user is None:
            row.update(state=SweepPartState.REFUSED, detail="Whoever asked for the sweep no longer exists.")
            return
        try:
            run = request_action(
                KEY, target=part.device, arguments={"indicators": json.dumps(sweep.items)}, comment=sweep.reason,
                actor=Actor.from_json(sweep.asked_by), user=user, incident=sweep.incident, source=sweep.source,
            )  # fmt: skip
        except Refused as refused:
            row.update(state=SweepPartState.REFUSED, detail=refused.message[:500])
        else:
            row.update(state=SweepPartState.ASKED, run=run)


def settle_sweep(sweep_id: int) -> None:
    """It has finished when no device is left to hear of. Safe at any time and any number of times."""
    with transaction.atomic():
        sweep = Sweep.objects.select_for_update().filter(pk=sweep_id, state=SweepState.RUNNING).first()
        if sweep is None or sweep.parts.filter(state__in=_OPEN).exists():
            return
        SWEEP_STATE.move(sweep, SweepState.FINISHED, actor=SWEEPER, thread=sweep.thread, ended=clock.now())
        announce_sweep(sweep)


def sweep_due() -> None:
    """What a lost message left behind."""
    for sweep in through(Sweep.objects.open().only("pk")):
        ask_devices(sweep.pk)
        settle_sweep(sweep.pk)


def announce_sweep(sweep: Sweep) -> None:
    """Wake the open pages of those who see its incident."""
    incident = sweep.incident
    if incident.restricted:
        live.publish("sweep.changed", sweep.pk, people=list(incident.restricted_to.values_list("pk", flat=True)))
    else:
        live.publish("sweep.changed", sweep.pk, groups=incident.audience)
