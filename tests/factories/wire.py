"""Alerts as their sources write them, and the shortest ways to take them in."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from core.actors import Actor
from incidents.correlation.engine import correlate_waiting
from incidents.ingest.accept import Receipt, accept_alerts
from incidents.models import Alert, Incident

SENSOR = Actor.system("test sensor")
NINE = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
SECURITY = "#microsoft.graph.security."
SHA256 = "4f" * 31 + "a1"
MALWARE = "9b" * 31 + "c3"


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def graph_alert(*evidence: dict[str, Any], minutes: float = 0, at: datetime = NINE, **fields: Any) -> dict[str, Any]:
    """A Graph alert whose events happened `minutes` after nine."""
    when = stamp(at + timedelta(minutes=minutes))
    return {
        "id": f"da{uuid4().hex}", "title": "Suspicious PowerShell download", "severity": "medium", "status": "new",
        "category": "Execution", "serviceSource": "microsoftDefenderForEndpoint", "detectionSource": "antivirus",
        "createdDateTime": when, "firstActivityDateTime": when, "lastActivityDateTime": when,
        "evidence": list(evidence), **fields,
    }  # fmt: skip


def _evidence(kind: str, **fields: Any) -> dict[str, Any]:
    return {"@odata.type": f"{SECURITY}{kind}Evidence", "verdict": "suspicious", "remediationStatus": "none", **fields}


def device(name: str = "fin-ws-014", domain: str = "corp.example", **fields: Any) -> dict[str, Any]:
    return _evidence(
        "device", mdeDeviceId=f"id-{name}", deviceDnsName=f"{name}.{domain}", hostName=name,
        osPlatform="Windows11", **fields,
    )  # fmt: skip


def user(name: str = "m.okafor", **fields: Any) -> dict[str, Any]:
    account = {"accountName": name, "domainName": "CORP", "userPrincipalName": f"{name}@corp.example"}
    return _evidence("user", userAccount=account, **fields)


def file(sha256: str = SHA256, name: str = "updater.exe", **fields: Any) -> dict[str, Any]:
    details = {"fileName": name, "filePath": f"C:\\Temp\\{name}", "sha256": sha256}
    return _evidence("file", fileDetails=details, **fields)


def process(command: str, name: str = "powershell.exe", sha256: str = SHA256, **fields: Any) -> dict[str, Any]:
    return _evidence("process", processCommandLine=command, imageFile={"fileName": name, "sha256": sha256}, **fields)


def ip(address: str = "203.0.113.77") -> dict[str, Any]:
    return _evidence("ip", ipAddress=address)


def url(address: str = "https://login.bad.example/session") -> dict[str, Any]:
    return _evidence("url", url=address)


def mailbox(address: str = "m.okafor@corp.example") -> dict[str, Any]:
    return _evidence("mailbox", primaryAddress=address, upn=address, displayName="M. Okafor")


def message(identifier: str = "<1@bad.example>", recipient: str = "m.okafor@corp.example") -> dict[str, Any]:
    return _evidence("analyzedMessage", networkMessageId=identifier, subject="Invoice", recipientEmailAddress=recipient)


def wazuh_alert(*, minutes: float = 0, level: int = 10, **fields: Any) -> dict[str, Any]:
    when = (NINE + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
    return {
        "timestamp": when, "id": f"{uuid4().int % 10**10}.{uuid4().int % 10**6}",
        "rule": {"level": level, "description": "Multiple failed logins", "id": "5551", "groups": ["syslog"]},
        "agent": {"id": "007", "name": "FIN-WS-014", "ip": "10.1.2.3"}, "manager": {"name": "siem"},
        "location": "/var/log/auth.log", **fields,
    }  # fmt: skip


def sentinel_alert(*entities: dict[str, Any], **fields: Any) -> dict[str, Any]:
    when = NINE.strftime("%Y-%m-%dT%H:%M:%S.000")
    return {
        "SystemAlertId": str(uuid4()), "AlertName": "Impossible travel", "AlertSeverity": "Medium",
        "ProviderName": "ASI Scheduled Alerts", "StartTime": when, "EndTime": when, "TimeGenerated": when,
        "Entities": json.dumps(list(entities)), "ExtendedProperties": "{}", "Type": "SecurityAlert", **fields,
    }  # fmt: skip


def take_in(
    *items: object,
    format: str = "graph",  # noqa: A002 - the word of the address
    source: str = "",
    exercise: str = "",
) -> Receipt:
    return accept_alerts(items, format=format, source=source or format, actor=SENSOR, exercise=exercise)


def stored(*items: object, format: str = "graph", source: str = "") -> list[Alert]:  # noqa: A002 - as above
    """The alerts that the items became, in their order."""
    receipt = take_in(*items, format=format, source=source)
    assert not receipt.rejected, receipt.rejected
    found = Alert.objects.in_bulk([int(one["id"]) for one in receipt.alerts])
    return [found[int(one["id"])] for one in receipt.alerts]


def correlated(
    *items: object,
    format: str = "graph",  # noqa: A002 - as above
    source: str = "",
    exercise: str = "",
) -> list[Incident]:
    """Take the items in, let the lane work, and answer the incident of each item, in their order."""
    receipt = take_in(*items, format=format, source=source, exercise=exercise)
    assert not receipt.rejected, receipt.rejected
    correlate_waiting()
    return incidents_of(receipt)


def incidents_of(receipt: Receipt) -> list[Incident]:
    """Where the alerts of a receipt are now."""
    alerts = Alert.objects.select_related("incident").in_bulk([int(one["id"]) for one in receipt.alerts])
    found = [alerts[int(one["id"])].incident for one in receipt.alerts]
    assert all(found)
    return [incident for incident in found if incident is not None]
