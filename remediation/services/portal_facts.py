"""Actions on what the portal itself records of a device: written at once, read back, and kept with the former value."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from core import clock
from incidents.models import Device
from incidents.services.describe_entity import describe_entity
from remediation.catalog import Action, get
from remediation.enums import Facet, RunStatus
from remediation.models import ActionRun
from remediation.policy import Target
from remediation.services.outcome import EXECUTOR, end_run

PRESENT, ABSENT = "present", "absent"


def write_fact(run: ActionRun, target: Target) -> None:
    """Carry the run out and end it. In the caller's transaction, with the run's row locked."""
    action = get(run.action)
    if not isinstance(target, Device):
        raise TypeError(f"{run.action} is a fact of devices.")
    before = read_fact(action, target, run.arguments)
    try:
        describe_entity(
            target, changes=_changes(action, target, run.arguments), actor=run.requester, reason=run.comment
        )
    except ValidationError as error:
        end_run(run, status=RunStatus.FAILED, detail=" ".join(error.messages), actor=EXECUTOR)
        return
    seen = read_fact(action, Device.objects.get(pk=target.pk), run.arguments)
    wanted = action.wanted_of(run.arguments)
    status = RunStatus.SUCCEEDED if seen == wanted else RunStatus.FAILED
    detail = f"Verified: {seen}." if status == RunStatus.SUCCEEDED else f"Written, but read back as {seen}."
    end_run(
        run,
        status=status,
        detail=detail,
        actor=EXECUTOR,
        verification=_verification(seen, wanted, detail),
        result={"changed": before != seen, "before": before, "after": seen},
        receipt={"former": {action.wanted_argument: before}} if action.wanted_argument else {},
        progress=100,
    )


def read_fact(action: Action, device: Device, arguments: Mapping[str, Any]) -> str:
    """The facet word that the portal's record shows now."""
    if action.facet == Facet.TAGS:
        tag = str(arguments.get("tag", "")).strip().casefold()
        return PRESENT if tag in {one.casefold() for one in device.tags} else ABSENT
    return str(getattr(device, action.facet))


def makes_sense(action: Action, device: Device) -> bool:
    """A tag can be taken from a device only when it has one."""
    return action.facet != Facet.TAGS or action.wanted == PRESENT or bool(device.tags)


def former_arguments(run: ActionRun) -> dict[str, Any]:
    """What takes the run back when the action is its own inverse."""
    return dict(run.receipt.get("former", {}))


def _changes(action: Action, device: Device, arguments: Mapping[str, Any]) -> dict[str, Any]:
    if action.facet != Facet.TAGS:
        return {str(action.facet): arguments[action.wanted_argument]}
    tag = str(arguments["tag"]).strip()
    others = [one for one in device.tags if one.casefold() != tag.casefold()]
    return {"tags": [*others, tag] if action.wanted == PRESENT else others}


def _verification(seen: str, wanted: str, detail: str) -> dict[str, Any]:
    return {
        "done": seen == wanted,
        "method": "The portal's own record read back",
        "at": clock.now().isoformat(),
        "detail": detail,
        "wanted": wanted,
        "observed": seen,
        "looks": 1,
    }
