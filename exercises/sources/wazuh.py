"""Alerts of a Wazuh manager as they stand in `alerts.json`: parties hide in `data`, files in `syscheck`."""

from typing import Any

from exercises.company import Account, Machine
from exercises.company.directory import NT_DOMAIN, TENANT_ID
from exercises.sources.sighting import Program, Run, Sighting

MANAGER = "log-mgr-01"
# A level that the usual table maps to the severity; the detector may name an exact one as "rule/level".
_LEVELS = {"high": 13, "medium": 9, "low": 5, "informational": 3}


def render(sighting: Sighting) -> dict[str, Any]:
    """One line of `alerts.json`, as JSON."""
    rule_id, _, level = sighting.detector.partition("/")
    end = sighting.at + sighting.span
    alert: dict[str, Any] = {
        "timestamp": end.strftime("%Y-%m-%dT%H:%M:%S.") + f"{end.microsecond // 1000:03d}+0000",
        "rule": {
            "level": int(level or _LEVELS[sighting.severity]),
            "description": sighting.title,
            "id": rule_id,
            "firedtimes": sighting.number % 5 + 1,
            "mail": False,
            "groups": sighting.extra.get("groups", "windows").split(","),
        },
        "agent": _agent(sighting.machine),
        "manager": {"name": MANAGER},
        "id": f"{int(end.timestamp())}.{sighting.number % 90_000_000}",
        "decoder": {"name": sighting.extra.get("decoder", "windows_eventchannel")},
        "location": sighting.extra.get("location", "EventChannel"),
        "full_log": sighting.description or sighting.title,
    }
    if sighting.techniques:
        tactic = sighting.extra.get("tactic") or _words(sighting.category)
        alert["rule"]["mitre"] = {"id": list(sighting.techniques), "tactic": [tactic], "technique": []}
    alert.update(_body(sighting))
    return alert


def _words(category: str) -> str:
    """`InitialAccess` -> `Initial Access`, as the manager writes tactics."""
    return "".join(f" {letter}" if letter.isupper() and place else letter for place, letter in enumerate(category))


def _agent(machine: Machine | None) -> dict[str, str]:
    if machine is None:
        return {"id": "000", "name": MANAGER}
    return {"id": machine.agent_id, "name": machine.name, "ip": machine.ip}


def _body(sighting: Sighting) -> dict[str, Any]:
    """What the decoder found, by the kind of log."""
    decoder = sighting.extra.get("decoder", "windows_eventchannel")
    if decoder == "syscheck":
        return _file_integrity(sighting)
    if decoder == "office365":
        return {"data": {"integration": "office365", "office365": _office365(sighting)}}
    if decoder == "json":
        return {"data": _network(sighting)}
    if decoder == "sshd":
        return {"data": _parties(sighting)}
    return {"data": {"win": {"system": _system(sighting), "eventdata": _event(sighting)}}}


def _parties(sighting: Sighting) -> dict[str, str]:
    found = {"srcport": str(sighting.number % 30_000 + 1024)}
    if sighting.address:
        found["srcip"] = sighting.address.ip
    if sighting.account:
        found["dstuser"] = sighting.account.name
    elif "user" in sighting.extra:
        found["dstuser"] = sighting.extra["user"]
    return found


def _network(sighting: Sighting) -> dict[str, Any]:
    """A Suricata event as the JSON decoder leaves it."""
    outward = sighting.extra.get("direction") == "out"
    far = sighting.address.ip if sighting.address else sighting.extra.get("far", "10.40.10.1")
    near = sighting.machine.ip if sighting.machine else "10.40.10.1"
    return {
        "event_type": "alert",
        "src_ip": near if outward else far,
        "dest_ip": far if outward else near,
        "src_port": str(sighting.number % 30_000 + 1024),
        "dest_port": sighting.extra.get("port", "443"),
        "proto": "TCP",
        "app_proto": "tls",
        "alert": {
            "action": "blocked" if sighting.blocked else "allowed",
            "signature": sighting.title,
            "signature_id": sighting.extra.get("signature", "2031502"),
            "severity": "1",
        },
        **({"tls": {"sni": sighting.url.split("/")[2]}} if sighting.url else {}),
    }


def _system(sighting: Sighting) -> dict[str, str]:
    return {
        "providerName": sighting.extra.get("provider", "Microsoft-Windows-Sysmon"),
        "eventID": sighting.extra.get("event", "1"),
        "channel": sighting.extra.get("channel", "Microsoft-Windows-Sysmon/Operational"),
        "computer": sighting.machine.dns_name if sighting.machine else MANAGER,
        "systemTime": sighting.at.strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
        "severityValue": "INFORMATION",
        "message": f'"{sighting.title}"',
    }


def _event(sighting: Sighting) -> dict[str, str]:
    found: dict[str, str] = {}
    if sighting.program:
        found["image"] = sighting.program.path
        found["hashes"] = _hashes(sighting.program)
    if sighting.command:
        found["commandLine"] = sighting.command
        found["parentImage"] = rf"C:\Windows\{sighting.extra.get('parent', 'explorer.exe')}"
    if sighting.run:
        found = {"image": sighting.run.image} | found | _runs(sighting.run)
    if sighting.account:
        found.update(_windows_user(sighting.account, event=sighting.extra.get("event", "1")))
    if sighting.address:
        found["ipAddress"] = sighting.address.ip
    if "far" in sighting.extra:
        found["ipAddress"] = sighting.extra["far"]
    if "status" in sighting.extra:
        found["status"] = sighting.extra["status"]
    if "logon_type" in sighting.extra:
        found["logonType"] = sighting.extra["logon_type"]
    return found


def _runs(run: Run) -> dict[str, str]:
    found = {"processGuid": f"{{{run.identifier}}}", "processId": str(run.number)}
    if run.parent:
        found |= {"parentProcessGuid": f"{{{run.parent.identifier}}}", "parentImage": run.parent.image}
    return found


def _windows_user(account: Account, *, event: str) -> dict[str, str]:
    if event in ("1", "7045", "11"):
        return {"user": rf"{NT_DOMAIN}\{account.name}"}
    return {"targetUserName": account.name, "targetDomainName": NT_DOMAIN, "targetUserSid": account.sid}


def _hashes(program: Program) -> str:
    return f"SHA1={program.sha1.upper()},MD5={program.md5.upper()},SHA256={program.sha256.upper()}"


def _file_integrity(sighting: Sighting) -> dict[str, Any]:
    path = sighting.program.path if sighting.program else sighting.extra.get("path", r"D:\Shares")
    found: dict[str, Any] = {"path": path, "mode": "realtime", "event": sighting.extra.get("change", "modified")}
    if sighting.program:
        found.update(
            sha256_after=sighting.program.sha256,
            sha1_after=sighting.program.sha1,
            md5_after=sighting.program.md5,
            size_after=str(sighting.program.size),
        )
    if sighting.account:
        found["uname_after"] = sighting.account.name
    return {"syscheck": found}


def _office365(sighting: Sighting) -> dict[str, Any]:
    """A record of the Office 365 audit log as the integration forwards it."""
    account = sighting.account
    return {
        "Id": sighting.provider_id,
        "OrganizationId": TENANT_ID,
        "CreationTime": sighting.at.strftime("%Y-%m-%dT%H:%M:%S"),
        "Workload": sighting.extra.get("workload", "Exchange"),
        "Operation": sighting.extra.get("operation", "New-InboxRule"),
        "UserId": account.upn if account else "",
        "UserKey": account.directory_id if account else "",
        "ClientIP": sighting.address.ip if sighting.address else "",
        "ResultStatus": "Failed" if sighting.blocked else "Succeeded",
        **({"ObjectId": sighting.mailbox_rule} if sighting.mailbox_rule else {}),
    }
