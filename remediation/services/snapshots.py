"""What is written down beside a person's words when an action is asked for, so that it is decided on and sealed with
them: rules that change later change nothing that was approved."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError

from incidents.models import Device
from remediation.catalog import Action
from remediation.models import IsolationRule, TrustedPrograms
from remediation.policy import Target

MOST_PLACES = 50


def with_snapshot(action: Action, target: Target, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with what belongs to them now. Raises `ValidationError` for words that do not fit each other."""
    more = _SNAPSHOTS.get(action.key)
    return {**arguments, **(more(target, arguments) if more else {})}


def rules_for(device: Device) -> list[IsolationRule]:
    """The isolation exclusions that hold for a device now."""
    return [one for one in IsolationRule.objects.filter(enabled=True) if one.concerns(device.device_group_id)]


def _isolation(target: Target, arguments: Mapping[str, Any]) -> dict[str, Any]:
    if arguments.get("isolation_type") != "selective" or not isinstance(target, Device):
        return {}
    return {"exclusions": [one.as_snapshot() for one in rules_for(target)]}


def _restriction(target: Target, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    group = target.device_group_id if isinstance(target, Device) else None
    kept = TrustedPrograms.objects.filter(device_group_id=group).first()
    return {"folders": list(kept.folders), "signers": list(kept.signers)} if kept else {}


def _scan(_target: Target, arguments: Mapping[str, Any]) -> dict[str, Any]:
    places = [line.strip() for line in str(arguments.get("paths", "")).splitlines() if line.strip()]
    if arguments.get("scan_type") != "custom":
        if places:
            raise ValidationError({"paths": "Places are for a custom scan only."})
        return {}
    if not places:
        raise ValidationError({"paths": "Name at least one place for a custom scan."})
    if len(places) > MOST_PLACES:
        raise ValidationError({"paths": f"At most {MOST_PLACES} places."})
    if wrong := next((one for one in places if not one.startswith("/") or ".." in one.split("/")), ""):
        raise ValidationError({"paths": f"{wrong[:80]} is no full path."})
    return {"paths": "\n".join(places)}


_SNAPSHOTS: dict[str, Callable[[Target, Mapping[str, Any]], dict[str, Any]]] = {
    "device.isolate": _isolation,
    "device.restrict_execution": _restriction,
    "device.antivirus_scan": _scan,
}
