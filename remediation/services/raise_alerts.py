"""Alerts for hits that nobody told of yet, through the door by which every alert comes in.

A device that meets the same thing all day is one matter: within an hour of a hit that an alert tells of, further hits
of the indicator on the device belong to that alert.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction

from core.actors import Actor
from incidents.enums import Category
from incidents.ingest.accept import accept_alerts
from incidents.models import Device, File
from remediation.enums import HitKind, IndicatorType
from remediation.models import Indicator, IndicatorHit

SOURCE = "Indicators"
RAISER = Actor.system("indicators")
SAME_MATTER = timedelta(hours=1)
AT_ONCE = 50
_DOES = {HitKind.AUDITED: "was seen", HitKind.WARNED: "was warned of", HitKind.BLOCKED: "was blocked"}
_SEVERITIES = {"high", "medium", "low", "informational"}
_HASHES = {IndicatorType.SHA256: "sha256", IndicatorType.SHA1: "sha1", IndicatorType.MD5: "md5"}


def raise_due() -> int:
    """Give every hit that waits for one its alert, the oldest first; answers how many were raised."""
    waiting = IndicatorHit.objects.filter(wants_alert=True).order_by("at", "pk").values_list("pk", flat=True)
    return sum(_settle(pk) for pk in list(waiting[:AT_ONCE]))


def _settle(pk: int) -> bool:
    """Whether an alert was raised. The id of the alert comes from the hit, so that a second try makes no second one."""
    with transaction.atomic():
        rows = IndicatorHit.objects.select_for_update(skip_locked=True, of=("self",))
        hit = rows.select_related("indicator", "device", "connection").filter(pk=pk, wants_alert=True).first()
        if hit is None:
            return False
        hit.wants_alert = False
        told = _told_by(hit)
        if told is None and hit.device is not None and hit.connection is not None:
            exercise = hit.connection.exercise or hit.indicator.exercise
            receipt = accept_alerts([_item(hit, hit.device)], format="graph", source=SOURCE, actor=RAISER,
                                    exercise=exercise, is_feed=False)  # fmt: skip
            told, hit.raised = next((int(row["id"]) for row in receipt.alerts), None), bool(receipt.accepted)
        hit.alert_id = told
        hit.save(update_fields=["wants_alert", "alert", "raised"])
    return hit.raised


def _told_by(hit: IndicatorHit) -> int | None:
    """The alert that names the same on the same device about then, from whichever source."""
    around = IndicatorHit.objects.filter(
        indicator=hit.indicator, device=hit.device, at__gte=hit.at - SAME_MATTER, at__lte=hit.at + SAME_MATTER
    )
    return around.exclude(alert=None).order_by("-at", "-pk").values_list("alert_id", flat=True).first()


def _item(hit: IndicatorHit, device: Device) -> dict[str, Any]:
    """The alert as a source would send it."""
    indicator, moment = hit.indicator, hit.at.isoformat()
    did = _DOES[HitKind(hit.kind)]
    what = f"{indicator.get_type_display()} {indicator.value[:300]}"
    return {
        "id": f"{indicator.number}-hit-{hit.pk}",
        "title": f"Indicator {did.removeprefix('was ')}: {indicator.title}",
        "description": f"{what} {did} on {device}, as {indicator.number} asks. {indicator.description}".strip(),
        "recommendedActions": indicator.recommended_actions,
        "severity": indicator.severity if indicator.severity in _SEVERITIES else "medium",
        "category": indicator.category or Category.SUSPICIOUS_ACTIVITY.value,
        "mitreTechniques": list(indicator.techniques),
        "serviceSource": "indicators",
        "detectionSource": "customTi",
        "productName": "Indicators of the portal",
        "detectorId": indicator.number,
        "firstActivityDateTime": moment,
        "lastActivityDateTime": moment,
        "createdDateTime": moment,
        "evidence": [_device_evidence(device), *_thing(indicator, blocked=hit.kind == HitKind.BLOCKED)],
    }


def _device_evidence(device: Device) -> dict[str, Any]:
    """By the names that lead to this very device."""
    ids = {alias.partition(":")[0]: alias.partition(":")[2] for alias in device.aliases if ":" in alias}
    field = "deviceDnsName" if "." in device.key else "hostName"
    name = device.display_name if device.display_name.lower() == device.key else device.key
    return {"@odata.type": _type("device"), field: name, "mdeDeviceId": ids.get("mde", ""),
            "azureAdDeviceId": ids.get("aad", "")}  # fmt: skip


def _thing(indicator: Indicator, *, blocked: bool) -> list[dict[str, Any]]:
    """What was met, where evidence has a word for it."""
    state = {"verdict": "suspicious", **({"remediationStatus": "blocked"} if blocked else {})}
    if indicator.type in _HASHES:
        column = _HASHES[IndicatorType(indicator.type)]
        known = File.objects.filter(**{column: indicator.value}).first()
        details = {column: indicator.value, **({"fileName": known.display_name} if known else {})}
        return [{"@odata.type": _type("file"), "fileDetails": details, **state}]
    names = {IndicatorType.IP: ("ip", "ipAddress"), IndicatorType.URL: ("url", "url"),
             IndicatorType.DOMAIN: ("dns", "domainName")}  # fmt: skip
    kind, field = names.get(IndicatorType(indicator.type), ("", ""))
    return [{"@odata.type": _type(kind), field: indicator.value, **state}] if kind else []


def _type(kind: str) -> str:
    return f"#microsoft.graph.security.{kind}Evidence"
