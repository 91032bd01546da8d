"""What an antivirus scan found becomes an alert, through the door by which every alert comes in."""

from collections.abc import Mapping
from typing import Any

from core import clock
from incidents.ingest.accept import accept_alerts
from incidents.models import Device
from incidents.services.agents import AGENTS, SOURCE
from remediation.models import ActionRun

SCAN = "device.antivirus_scan"
MOST_NAMED = 50


def run_ended(run_id: int, **_more: Any) -> None:
    """Listener of `run.ended`; told twice it does the same as told once, for the alert bears the run's number."""
    run = ActionRun.objects.filter(pk=run_id, action=SCAN, simulated=False).first()
    found = run.result.get("found") if run is not None else None
    device = Device.objects.filter(pk=run.target_id).first() if run is not None else None
    if run is None or device is None or not isinstance(found, list) or not found:
        return
    threats = [one for one in found if isinstance(one, Mapping)][:MOST_NAMED]
    if threats:
        accept_alerts([_alert(run, device, threats, len(found))], format="graph", source=SOURCE, actor=AGENTS,
                      exercise=run.exercise, is_feed=False)  # fmt: skip


def _alert(run: ActionRun, device: Device, threats: list[Mapping[str, Any]], number: int) -> dict[str, Any]:
    moment = (run.ended or clock.now()).isoformat()
    names = ", ".join(dict.fromkeys(str(one.get("name") or "Threat")[:80] for one in threats[:5]))
    return {
        "id": f"scan-{run.pk}", "title": f"Antivirus scan found {names} on {device}"[:250],
        "description": f"{run.number}: {number} found. The scan changed nothing; quarantine what is harmful.",
        "severity": "medium", "category": "Malware", "serviceSource": "endpointAgents",
        "detectionSource": "antivirus", "productName": "Endpoint agents of the portal", "detectorId": "antivirus-scan",
        "firstActivityDateTime": moment, "lastActivityDateTime": moment, "createdDateTime": moment,
        "evidence": [_device(device), *(_file(one, device) for one in threats)],
    }  # fmt: skip


def _device(device: Device) -> dict[str, Any]:
    return {"@odata.type": "#microsoft.graph.security.deviceEvidence", "hostName": device.key,
            "deviceDnsName": device.key if "." in device.key else ""}  # fmt: skip


def _file(one: Mapping[str, Any], device: Device) -> dict[str, Any]:
    path = str(one.get("path", ""))[:1_000]
    details = {"fileName": path.rpartition("/")[2], "filePath": path, "sha256": str(one.get("sha256", ""))[:64]}
    return {"@odata.type": "#microsoft.graph.security.fileEvidence", "verdict": "malicious", "fileDetails": details}
