"""The same names as different sources write them: letter case, short and full names, forms of an address."""

import ipaddress
import json
from random import Random
from typing import Any

_UPPER_ADDRESS = 0.3


def vary(alert: dict[str, Any], wire: str, rng: Random) -> dict[str, Any]:
    """A copy of the rendered alert that names the same things in another way."""
    alert = json.loads(json.dumps(alert))
    if wire == "graph":
        for evidence in alert["evidence"]:
            _vary_graph(evidence, rng)
    elif wire == "sentinel":
        entities = json.loads(alert["Entities"])
        for entity in entities:
            _vary_sentinel(entity, rng)
        alert["Entities"] = json.dumps(entities)
    else:
        _vary_wazuh(alert, rng)
    return alert


def _case(text: str, rng: Random) -> str:
    return rng.choice((text, text.upper(), text.lower()))


def _address(text: str, rng: Random) -> str:
    if ":" not in text:
        return f"::ffff:{text}" if rng.random() < 0.1 else text
    long = ipaddress.ip_address(text).exploded if rng.random() < 0.5 else text
    return long.upper() if rng.random() < _UPPER_ADDRESS else long


def _vary_graph(evidence: dict[str, Any], rng: Random) -> None:
    kind = evidence["@odata.type"].rpartition(".")[2]
    if kind == "deviceEvidence":
        evidence["deviceDnsName"] = _case(evidence["deviceDnsName"], rng)
        evidence["hostName"] = _case(evidence["hostName"], rng)
        if rng.random() < 0.3:
            del evidence["mdeDeviceId"], evidence["azureAdDeviceId"]
        elif rng.random() < 0.2:
            evidence["deviceDnsName"] = evidence["hostName"]
    account = evidence.get("userAccount")
    if account:
        account["userPrincipalName"] = _case(account["userPrincipalName"], rng)
        account["accountName"] = _case(account["accountName"], rng)
        if rng.random() < 0.25:
            del account["userSid"], account["azureAdUserId"]
        if rng.random() < 0.2:
            account["userPrincipalName"] = None
    if "ipAddress" in evidence:
        evidence["ipAddress"] = _address(evidence["ipAddress"], rng)
    for name in ("recipientEmailAddress", "primaryAddress"):
        if evidence.get(name):
            evidence[name] = _case(evidence[name], rng)


def _vary_sentinel(entity: dict[str, Any], rng: Random) -> None:
    if entity["Type"] == "host":
        entity["HostName"] = _case(entity["HostName"], rng)
        if rng.random() < 0.3:
            entity.pop("FQDN", None)
    if entity["Type"] == "account":
        entity["Name"] = _case(entity["Name"], rng)
        if rng.random() < 0.3:
            entity.pop("Sid", None)
            entity.pop("AadUserId", None)
        if rng.random() < 0.2:
            entity.pop("UPNSuffix", None)
    if entity["Type"] == "ip":
        entity["Address"] = _address(entity["Address"], rng)
    if entity["Type"] == "filehash":
        entity["Value"] = _case(entity["Value"], rng)


def _vary_wazuh(alert: dict[str, Any], rng: Random) -> None:
    alert["agent"]["name"] = _case(alert["agent"]["name"], rng)
    event = alert.get("data", {}).get("win", {}).get("eventdata", {})
    for name in ("user", "targetUserName"):
        if name in event:
            event[name] = _case(event[name], rng)
    for holder in (alert.get("data", {}), event):
        for name in ("srcip", "src_ip", "dest_ip", "ipAddress"):
            if name in holder:
                holder[name] = _address(holder[name], rng)
