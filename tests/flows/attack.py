"""A small attack on a simulated company, sent through the ordinary door."""

from datetime import timedelta
from typing import Any

from connectors.kinds.simulator.world import put_target
from connectors.services.connections import create_connection
from core import clock
from core.actors import Actor
from incidents.ingest.accept import accept_alerts
from incidents.models import Device
from incidents.services.bindings import bind

ACTOR = Actor.system("sensor")
HOST = "WS-14"
_KIND = "#microsoft.graph.security."
_STEPS = (
    ("Program run from a profile folder", "medium", "Execution", 9),
    ("Credentials read from memory", "medium", "CredentialAccess", 6),
    ("Files encrypted in bulk", "high", "Impact", 2),
)


def attack() -> Device:
    """Three alerts about one device that is bound to the simulator; the worker correlates them."""
    accept_alerts([_alert(number) for number in range(len(_STEPS))], format="graph", source="sensor", actor=ACTOR)
    device = Device.objects.get()
    company = create_connection(
        name="Company", kind="simulator", settings={"start_after_s": "0.1", "finish_after_s": "0.3"}, actor=ACTOR
    )
    put_target(company, "device", device.key)
    bind(device, connection=company, remote_id=device.key, actor=ACTOR)
    return device


def noise(count: int) -> None:
    """Incidents of low severity, one alert each."""
    at = (clock.now() - timedelta(minutes=1)).isoformat()
    items = [
        {
            "id": f"noise-{number}", "title": f"USB storage used, case {number}", "severity": "low",
            "firstActivityDateTime": at, "lastActivityDateTime": at,
            "evidence": [{"@odata.type": f"{_KIND}deviceEvidence", "deviceDnsName": f"lab-{number}.example.org"}],
        }
        for number in range(count)
    ]  # fmt: skip
    accept_alerts(items, format="graph", source="sensor", actor=ACTOR)


def _alert(number: int) -> dict[str, Any]:
    title, severity, category, minutes = _STEPS[number]
    at = (clock.now() - timedelta(minutes=minutes)).isoformat()
    return {
        "id": f"attack-{number}", "title": title, "severity": severity, "category": category,
        "mitreTechniques": ["T1486"] if severity == "high" else [], "serviceSource": "microsoftDefenderForEndpoint",
        "firstActivityDateTime": at, "lastActivityDateTime": at,
        "evidence": [
            {"@odata.type": f"{_KIND}deviceEvidence", "deviceDnsName": f"{HOST}.example.org".lower(), "hostName": HOST,
             "roles": ["attacked"], "verdict": "malicious"},
            {"@odata.type": f"{_KIND}userEvidence",
             "userAccount": {"accountName": "m.okafor", "userPrincipalName": "m.okafor@example.org"}},
        ],
    }  # fmt: skip
