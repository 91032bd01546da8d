"""Alerts as a company's sensors would send them: the same items for the same seed."""

import random
from datetime import datetime, timedelta
from typing import Any

SECURITY = "#microsoft.graph.security."
DEVICES, PEOPLE, PROGRAMS, ADDRESSES = 3_000, 4_000, 6_000, 3_000
# One alert in so many names somebody else's account, or an address or a file that others know as well.
STRANGER = 12
SEVERITIES = ["informational"] * 10 + ["low"] * 5 + ["medium"] * 4 + ["high"]
CATEGORIES = ["Execution", "InitialAccess", "CredentialAccess", "Discovery", "LateralMovement", "Persistence"]


def alerts(count: int, *, until: datetime, prefix: str, seed: int = 7) -> list[dict[str, Any]]:
    """`count` Graph alerts of the day before `until`, each with a device, an account, a file and an address."""
    dice = random.Random(seed)  # noqa: S311 - reproducible sample data
    return [_alert(dice, f"{prefix}-{number}", until) for number in range(count)]


def _alert(dice: random.Random, identifier: str, until: datetime) -> dict[str, Any]:
    when = (until - timedelta(seconds=dice.uniform(0, 86_400))).isoformat()
    detector, machine = dice.randrange(300), dice.randrange(DEVICES)
    person = dice.randrange(PEOPLE) if dice.randrange(STRANGER) == 0 else machine
    address = dice.randrange(ADDRESSES) if dice.randrange(STRANGER) == 0 else ADDRESSES + machine
    program = dice.randrange(PROGRAMS) if dice.randrange(STRANGER) == 0 else PROGRAMS + machine
    return {
        "id": identifier, "title": f"Detection of kind {detector}", "severity": dice.choice(SEVERITIES),
        "status": "new", "category": dice.choice(CATEGORIES), "detectorId": f"detector-{detector}",
        "serviceSource": "microsoftDefenderForEndpoint", "detectionSource": "antivirus",
        "description": "A program did what programs of its kind seldom do. " * 4,
        "recommendedActions": "Look at the program and at who started it.",
        "mitreTechniques": [f"T{1000 + dice.randrange(500)}"],
        "createdDateTime": when, "firstActivityDateTime": when, "lastActivityDateTime": when,
        "evidence": [_device(machine), _user(person), _file(program), _address(address)],
    }  # fmt: skip


def _evidence(kind: str, **fields: Any) -> dict[str, Any]:
    return {"@odata.type": f"{SECURITY}{kind}Evidence", "verdict": "suspicious", "remediationStatus": "none",
            "roles": ["source"], **fields}  # fmt: skip


def _device(number: int) -> dict[str, Any]:
    return _evidence(
        "device", mdeDeviceId=f"{number:040x}", deviceDnsName=f"ws-{number:05d}.bench.example",
        hostName=f"ws-{number:05d}", osPlatform="Windows11", version="24H2", healthStatus="active", riskScore="medium",
        lastIpAddress=f"10.{number >> 8 & 255}.{number & 255}.9", onboardingStatus="onboarded",
    )  # fmt: skip


def _user(number: int) -> dict[str, Any]:
    return _evidence("user", userAccount={
        "accountName": f"user{number}", "domainName": "BENCH", "userPrincipalName": f"user{number}@bench.example",
        "userSid": f"S-1-5-21-1-2-3-{number}", "displayName": f"User {number}",
    })  # fmt: skip


def _file(number: int) -> dict[str, Any]:
    return _evidence("file", detectionStatus="detected", fileDetails={
        "fileName": f"program{number}.exe", "filePath": f"C:\\Users\\Public\\program{number}.exe",
        "fileSize": 10_000 + number, "sha1": f"{number + 1:040x}", "sha256": f"{number + 1:064x}",
    })  # fmt: skip


def _address(number: int) -> dict[str, Any]:
    return _evidence("ip", ipAddress=f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}",
                     countryLetterCode="NL")  # fmt: skip
