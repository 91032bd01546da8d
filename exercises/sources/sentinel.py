"""Rows of the Sentinel table SecurityAlert. Entities are a JSON string with `$id` and `$ref`; times lack a zone."""

import json
from datetime import datetime, timedelta
from typing import Any

from exercises.company import Machine
from exercises.company.directory import DOMAIN, NT_DOMAIN, TENANT_ID
from exercises.sources.sighting import Run, Sighting

_SEVERITIES = {"high": "High", "medium": "Medium", "low": "Low", "informational": "Informational"}


def render(sighting: Sighting) -> dict[str, Any]:
    """The row as the workspace's export gives it."""
    end = sighting.at + sighting.span
    return {
        "TenantId": TENANT_ID,
        "TimeGenerated": _time(end + timedelta(seconds=20)),
        "DisplayName": sighting.title,
        "AlertName": sighting.title,
        "AlertSeverity": _SEVERITIES[sighting.severity],
        "Description": sighting.description or sighting.title,
        "ProviderName": "ASI Scheduled Alerts",
        "VendorName": "Microsoft",
        "VendorOriginalId": sighting.provider_id,
        "SystemAlertId": sighting.provider_id,
        "AlertType": f"brinehaven-soc_{sighting.detector}",
        "ConfidenceLevel": "Unknown",
        "IsIncident": False,
        "StartTime": _time(sighting.at),
        "EndTime": _time(end),
        "ProcessingEndTime": _time(end + timedelta(seconds=20)),
        "RemediationSteps": "[]",
        "ExtendedProperties": json.dumps(_properties(sighting)),
        "Entities": json.dumps(_entities(sighting)),
        "SourceSystem": "Detection",
        "ExtendedLinks": "",
        "ProductName": "Azure Sentinel",
        "ProductComponentName": "Scheduled Alerts",
        "AlertLink": "",
        "Status": "New",
        "CompromisedEntity": _compromised(sighting),
        "Tactics": sighting.category,
        "Techniques": json.dumps(list(sighting.techniques)),
        "Type": "SecurityAlert",
    }


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def _properties(sighting: Sighting) -> dict[str, str]:
    return {
        "Query Period": "00:10:00",
        "Trigger Operator": "GreaterThan",
        "Trigger Threshold": "0",
        "Analytic Rule Name": sighting.title,
        **sighting.extra,
    }


def _compromised(sighting: Sighting) -> str:
    if sighting.machine:
        return sighting.machine.name
    return sighting.account.upn if sighting.account else ""


def _entities(sighting: Sighting) -> list[dict[str, Any]]:
    """Numbered as the product does: a later entity points at an earlier one by `$ref`."""
    found: list[dict[str, Any]] = []

    def add(kind: str, **values: Any) -> str:
        number = str(len(found) + 3)
        found.append({"$id": number, **values, "Type": kind})
        return number

    hosts = [_add_host(add, machine) for machine in (sighting.machine, *sighting.others) if machine]
    host = hosts[0] if hosts else ""
    account = ""
    if sighting.account:
        account = add(
            "account",
            Name=sighting.account.name,
            NTDomain=NT_DOMAIN,
            UPNSuffix=DOMAIN,
            Sid=sighting.account.sid,
            AadUserId=sighting.account.directory_id,
            DisplayName=sighting.account.display_name,
            IsDomainJoined=True,
        )
    if sighting.address:
        place = {"CountryCode": sighting.address.country, "City": sighting.address.city}
        add("ip", Address=sighting.address.ip, Location=place)
    _add_file(add, sighting, host, account)
    if sighting.letter:
        add(
            "mailMessage",
            Recipient=sighting.recipient,
            Sender=sighting.letter.sender,
            P2Sender=sighting.letter.sender,
            SenderIP=sighting.letter.sender_ip,
            Subject=sighting.letter.subject,
            InternetMessageId=sighting.letter.message_id,
            NetworkMessageId=sighting.letter.network_id,
        )
    if sighting.recipient:
        add("mailbox", MailboxPrimaryAddress=sighting.recipient, Upn=sighting.recipient)
    if sighting.url:
        add("url", Url=sighting.url)
    return found


def _add_host(add: Any, machine: Machine) -> str:
    return str(
        add(
            "host",
            HostName=machine.name,
            DnsDomain=DOMAIN,
            NTDomain=NT_DOMAIN,
            NetBiosName=machine.name,
            OSFamily="Windows" if machine.is_windows else "Linux",
            OSVersion=machine.version,
            IsDomainJoined=True,
            FQDN=machine.dns_name,
        )
    )


def _add_file(add: Any, sighting: Sighting, host: str, account: str) -> None:
    program, run = sighting.program, sighting.run
    references = {"Host": {"$ref": host}} if host else {}
    if account:
        references["Account"] = {"$ref": account}
    if program:
        file_hash = add("filehash", Algorithm="SHA256", Value=program.sha256)
        file = add("file", Directory=program.folder, Name=program.name, FileHashes=[{"$ref": file_hash}])
        references["ImageFile"] = {"$ref": file}
    if run and run.parent:
        image = add("file", Directory=r"C:\Windows\System32", Name=run.parent.image)
        parent = add("process", ImageFile={"$ref": image}, **_run(run.parent))
        references["ParentProcess"] = {"$ref": parent}
    if run or (program and sighting.command):
        own = run or Run(sighting.number % 20_000 + 600, sighting.at, "")
        add("process", CommandLine=sighting.command or own.image, **_run(own), **references)


def _run(run: Run) -> dict[str, str]:
    return {"ProcessId": hex(run.number), "CreationTimeUtc": run.began.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
