"""Alerts as the Microsoft Graph security API sends them (`security/alerts_v2`), with typed evidence."""

from datetime import datetime, timedelta
from typing import Any

from exercises.company import Account, Machine
from exercises.company.directory import COMPANY, DOMAIN, NT_DOMAIN, TENANT_ID
from exercises.sources.sighting import Address, Letter, Program, Run, Sighting

_SYSTEM = r"C:\Windows\System32"
_PORTAL = "https://security.brinehaven.example"
_ENDPOINT = "Microsoft Defender for Endpoint"
# product word -> (service source, detection source, two letters before the id, product name)
_PRODUCTS = {
    "endpoint": ("microsoftDefenderForEndpoint", "microsoftDefenderForEndpoint", "da", _ENDPOINT),
    "antivirus": ("microsoftDefenderForEndpoint", "antivirus", "da", _ENDPOINT),
    "identity": (
        "microsoftDefenderForIdentity",
        "microsoftDefenderForIdentity",
        "aa",
        "Microsoft Defender for Identity",
    ),
    "office": (
        "microsoftDefenderForOffice365",
        "microsoftDefenderForOffice365",
        "fa",
        "Microsoft Defender for Office 365",
    ),
    "cloud": ("microsoftDefenderForCloudApps", "cloudAppSecurity", "ca", "Microsoft Defender for Cloud Apps"),
    "entra": ("azureAdIdentityProtection", "azureAdIdentityProtection", "ad", "Microsoft Entra ID Protection"),
}


def render(sighting: Sighting) -> dict[str, Any]:
    """The alert as JSON."""
    service, detection, prefix, product = _PRODUCTS[sighting.product or "endpoint"]
    identifier = f"{prefix}{sighting.provider_id}"
    return {
        "@odata.type": "#microsoft.graph.security.alert",
        "id": identifier,
        "providerAlertId": sighting.provider_id,
        "tenantId": TENANT_ID,
        "status": "new",
        "severity": sighting.severity,
        "classification": None,
        "determination": None,
        "serviceSource": service,
        "detectionSource": detection,
        "productName": product,
        "detectorId": sighting.detector,
        "title": sighting.title,
        "description": sighting.description or sighting.title,
        "category": sighting.category,
        "mitreTechniques": list(sighting.techniques),
        "threatDisplayName": sighting.extra.get("threat"),
        "createdDateTime": _time(sighting.at + sighting.span + timedelta(seconds=7)),
        "firstActivityDateTime": _time(sighting.at),
        "lastActivityDateTime": _time(sighting.at + sighting.span),
        "lastUpdateDateTime": _time(sighting.at + sighting.span + timedelta(seconds=9)),
        "alertWebUrl": f"{_PORTAL}/alerts/{identifier}",
        "evidence": _evidence(sighting),
        "additionalData": {},
    }


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _base(sighting: Sighting, kind: str, roles: list[str], *, verdict: str = "") -> dict[str, Any]:
    return {
        "@odata.type": f"#microsoft.graph.security.{kind}Evidence",
        "createdDateTime": _time(sighting.at + timedelta(seconds=7)),
        "verdict": verdict or sighting.verdict,
        "remediationStatus": "blocked" if sighting.blocked else "active" if sighting.suspicious else "none",
        "roles": roles,
        "tags": [],
    }


def _evidence(sighting: Sighting) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if sighting.machine:
        found.extend(_device(sighting, machine) for machine in (sighting.machine, *sighting.others))
    if sighting.account:
        roles = ["compromised"] if sighting.suspicious else []
        found.append({**_base(sighting, "user", roles), "userAccount": _user(sighting.account)})
    if sighting.program and sighting.command:
        found.append(_process(sighting, sighting.program))
    elif sighting.run:
        found.append(_process(sighting, sighting.program or Program(sighting.run.image, _SYSTEM)))
    if sighting.program and not sighting.command:
        file = {"fileDetails": _file(sighting.program), "detectionStatus": _detection(sighting)}
        sensor = sighting.machine.sensor_id if sighting.machine else None
        found.append({**_base(sighting, "file", []), **file, "mdeDeviceId": sensor})
    if sighting.address:
        found.append(_address(sighting, sighting.address))
    if sighting.letter:
        found.append(_message(sighting, sighting.letter))
    if sighting.mailbox_rule:
        found.append(_inbox_rule(sighting))
    if sighting.recipient:
        found.append(_mailbox(sighting))
    url = sighting.url or (sighting.letter.url if sighting.letter else "")
    if url:
        found.append({**_base(sighting, "url", []), "url": url})
    return found


def _device(sighting: Sighting, machine: Machine) -> dict[str, Any]:
    return {
        **_base(sighting, "device", ["attacked"] if sighting.suspicious else [], verdict="unknown"),
        "mdeDeviceId": machine.sensor_id,
        "azureAdDeviceId": machine.directory_id,
        "deviceDnsName": machine.dns_name,
        "hostName": machine.name.lower(),
        "ntDomain": NT_DOMAIN,
        "dnsDomain": DOMAIN,
        "osPlatform": machine.platform,
        "version": machine.version,
        "healthStatus": "active" if machine.online else "inactive",
        "onboardingStatus": "onboarded" if machine.managed else "canBeOnboarded",
        "riskScore": "none",
        "lastIpAddress": machine.ip,
        "ipInterfaces": [machine.ip],
        "loggedOnUsers": [{"accountName": name, "domainName": NT_DOMAIN} for name in machine.users],
    }


def _user(account: Account) -> dict[str, Any]:
    return {
        "accountName": account.name,
        "domainName": NT_DOMAIN,
        "displayName": account.display_name,
        "userPrincipalName": account.upn,
        "userSid": account.sid,
        "azureAdUserId": account.directory_id,
    }


def _file(program: Program) -> dict[str, Any]:
    return {
        "fileName": program.name,
        "filePath": program.folder,
        "fileSize": program.size,
        "filePublisher": program.signer or None,
        "signer": program.signer or None,
        "issuer": None,
        "sha1": program.sha1,
        "sha256": program.sha256,
        "md5": program.md5,
    }


def _detection(sighting: Sighting) -> str:
    return "blocked" if sighting.blocked else "detected"


def _process(sighting: Sighting, program: Program) -> dict[str, Any]:
    run = sighting.run or Run(
        sighting.number % 20_000 + 600, sighting.at, program.name,
        Run(sighting.number % 9_000 + 400, sighting.at - timedelta(minutes=3),
            sighting.extra.get("parent", "explorer.exe")),
    )  # fmt: skip
    parent = run.parent or Run(4, run.began, "System")
    return {
        **_base(sighting, "process", []),
        "detectionStatus": _detection(sighting),
        "mdeDeviceId": sighting.machine and sighting.machine.sensor_id,
        "processId": run.number,
        "processCommandLine": sighting.command,
        "processCreationDateTime": _time(run.began),
        "imageFile": _file(program),
        "parentProcessId": parent.number,
        "parentProcessCreationDateTime": _time(parent.began),
        "parentProcessImageFile": {"fileName": parent.image, "filePath": r"C:\Windows"},
        "userAccount": _user(sighting.account) if sighting.account else None,
    }


def _address(sighting: Sighting, address: Address) -> dict[str, Any]:
    return {
        **_base(sighting, "ip", ["attacker", "source"] if sighting.suspicious else ["source"]),
        "ipAddress": address.ip,
        "countryLetterCode": address.country or None,
        "location": {"city": address.city, "countryName": address.country} if address.city else None,
    }


def _message(sighting: Sighting, letter: Letter) -> dict[str, Any]:
    domain = letter.sender.rpartition("@")[2]
    sender = {"emailAddress": letter.sender, "displayName": letter.sender_name, "domainName": domain}
    return {
        **_base(sighting, "analyzedMessage", []),
        "internetMessageId": letter.message_id,
        "networkMessageId": letter.network_id,
        "subject": letter.subject,
        "senderIp": letter.sender_ip or None,
        "p1Sender": sender,
        "p2Sender": sender,
        "recipientEmailAddress": sighting.recipient,
        "antiSpamDirection": "outbound" if letter.outbound else "inbound",
        "deliveryAction": "blocked" if sighting.blocked else "delivered",
        "deliveryLocation": "quarantine" if sighting.blocked else "external" if letter.outbound else "inbox",
        "receivedDateTime": _time(sighting.at),
        "attachmentsCount": letter.attachments,
        "urlCount": 1 if letter.url else 0,
        "urls": [letter.url] if letter.url else [],
        "threats": [sighting.extra["threat"]] if "threat" in sighting.extra else [],
    }


def _mailbox(sighting: Sighting) -> dict[str, Any]:
    owner = next((account for account in COMPANY.accounts if account.upn == sighting.recipient), None)
    return {
        **_base(sighting, "mailbox", ["attacked"] if sighting.suspicious else []),
        "primaryAddress": sighting.recipient,
        "upn": sighting.recipient,
        "displayName": owner.display_name if owner else sighting.recipient.partition("@")[0],
    }


def _inbox_rule(sighting: Sighting) -> dict[str, Any]:
    return {
        **_base(sighting, "mailboxConfiguration", ["created"]),
        "configurationType": "userInboxRule",
        "configurationId": sighting.provider_id[:13],
        "displayName": sighting.mailbox_rule,
        "mailboxPrimaryAddress": sighting.recipient,
        "upn": sighting.recipient,
    }
