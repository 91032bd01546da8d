"""Wazuh alert, one JSON object a line. Severity comes from the rule's level; the parties hide in `data`; the manager's
own agent `000` is the sensor that read the log, not the victim."""

import re
from typing import Any

from incidents.enums import Category, Severity
from incidents.ingest import evidence as build
from incidents.ingest import lineage
from incidents.ingest.draft import AlertDraft, EvidenceDraft, Rejected
from incidents.ingest.reading import integer, mapping, text, texts, without
from incidents.services.facts import BUILT_IN_ACCOUNTS, DeviceFacts, FileFacts, IdentityFacts

KEY = "wazuh"
LABEL = "Wazuh alert"

Item = dict[str, Any]
MANAGER_AGENT = "000"
# The lowest level of each severity, highest first; Wazuh's rule levels go from 0 to 16.
LEVELS = ((12, Severity.HIGH), (7, Severity.MEDIUM), (4, Severity.LOW), (0, Severity.INFORMATIONAL))
# Rule group -> category, the telling ones first; used when the rule names no tactic.
_GROUP_CATEGORIES = {
    "virus": Category.MALWARE, "rootkit": Category.MALWARE, "rootcheck": Category.MALWARE,
    "exploit_attempt": Category.EXPLOIT, "web_attack": Category.INITIAL_ACCESS, "attack": Category.INITIAL_ACCESS,
    "sql_injection": Category.INITIAL_ACCESS, "web_scan": Category.DISCOVERY, "recon": Category.DISCOVERY,
    "authentication_failed": Category.CREDENTIAL_ACCESS, "authentication_failures": Category.CREDENTIAL_ACCESS,
    "invalid_login": Category.CREDENTIAL_ACCESS, "privilege_escalation": Category.PRIVILEGE_ESCALATION,
    "adduser": Category.PERSISTENCE, "account_changed": Category.PERSISTENCE,
    "syscheck": Category.SUSPICIOUS_ACTIVITY, "ids": Category.SUSPICIOUS_ACTIVITY,
}  # fmt: skip
_TAKEN = frozenset({"id", "timestamp"})
_SIGNATURE = re.compile(r"\[\*\*\] \[\d+:\d+:\d+\] (.{3,200}?) \[\*\*\]")
_SOURCE_NAMES, _TARGET_NAMES = ("srcip", "src_ip"), ("dstip", "dest_ip", "dst_ip")
_SYSCHECK_ROLES = {"added": "created", "modified": "edited"}


def read(item: Item) -> AlertDraft:
    rule, data = mapping(item, "rule"), mapping(item, "data")
    if not rule:
        raise Rejected("missing_field", "A Wazuh alert has a rule; this item has none.", "rule")
    mitre = mapping(rule, "mitre")
    device = _device(item)
    return AlertDraft(
        provider_alert_id=text(item, "id"),
        title=_title(item, rule),
        description=_description(item, rule),
        severity=severity_of(integer(rule, "level")),
        categories=texts(mitre, "tactic") or _categories(texts(rule, "groups")),
        mitre_techniques=texts(mitre, "id"),
        service_source="wazuh",
        detection_source="wazuh",
        product_name="Wazuh",
        detector_id=text(rule, "id"),
        first_activity=item.get("timestamp"),
        evidence=[draft for draft in _evidence(item, data, device) if draft is not None],
        additional=without(item, _TAKEN),
    )


def severity_of(level: int | None) -> Severity:
    if level is None:
        return Severity.UNKNOWN
    return next(severity for lowest, severity in LEVELS if level >= lowest)


def _title(item: Item, rule: Item) -> str:
    """Generic network-sensor rules carry the name of the signature in the log line only."""
    title = text(rule, "description")
    signature = _SIGNATURE.search(text(item, "full_log")[:1000])
    return f"{title.rstrip('.')}: {signature[1]}" if signature and title else title


def _description(item: Item, rule: Item) -> str:
    return (
        f"Rule {text(rule, 'id')}, level {text(rule, 'level')}, groups {', '.join(texts(rule, 'groups')[:20])}; "
        f"read from {text(item, 'location') or 'an unnamed log'} by {text(mapping(item, 'manager'), 'name')}."
    )


def _categories(groups: list[str]) -> list[str]:
    return list(dict.fromkeys(category for group, category in _GROUP_CATEGORIES.items() if group in groups))


def _device(item: Item) -> DeviceFacts | None:
    """The agent; for what the manager itself read, the host that wrote the log line, unless that is the manager."""
    agent, manager = mapping(item, "agent"), text(mapping(item, "manager"), "name")
    agent_id, name = text(agent, "id"), text(agent, "name")
    computer = text(mapping(mapping(mapping(item, "data"), "win"), "system"), "computer")
    if agent_id and agent_id != MANAGER_AGENT:
        address = build.clean_ip(text(agent, "ip"))
        return DeviceFacts(
            dns_name=computer or name,
            host_name=computer.partition(".")[0] or name,
            ids=(f"wazuh:{manager.lower()}:{agent_id}"[:255],),
            os_platform="Windows" if computer else "",
            ip_addresses=(address,) if address else (),
        )
    wrote = text(mapping(item, "predecoder"), "hostname")
    if not wrote or wrote.lower() in (manager.lower(), name.lower()):
        return None
    return DeviceFacts(dns_name=wrote, host_name=wrote.partition(".")[0])


def _evidence(item: Item, data: Item, device: DeviceFacts | None) -> list[EvidenceDraft | None]:
    event = mapping(mapping(data, "win"), "eventdata")
    drafts: list[EvidenceDraft | None] = []
    if device is not None:
        named = mapping(item, "agent") if device.ids else mapping(item, "predecoder")
        drafts.append(build.device(device, dict(named)))
    drafts += _addresses(data, event)
    drafts.append(_connection(data, event))
    drafts += _accounts(data, event, device)
    drafts += _files(item, event, device)
    http = mapping(data, "http")
    host, path = text(http, "hostname"), text(http, "url")
    if host and path:
        drafts.append(build.url(f"http://{host}{path}", http))
    elif address := text(data, "url"):
        drafts.append(build.url(address, {"url": address}) if "://" in address else None)
    return drafts


def _addresses(data: Item, event: Item) -> list[EvidenceDraft | None]:
    found: list[EvidenceDraft | None] = []
    for role, holder, names in (
        ("source", data, _SOURCE_NAMES),
        ("destination", data, _TARGET_NAMES),
        ("source", event, ("sourceIp", "ipAddress")),
        ("source", mapping(data, "office365"), ("ClientIP",)),
        ("destination", event, ("destinationIp",)),
    ):
        said = text(holder, *names)
        draft = build.ip(said, {"ipAddress": said, "role": role}) if said else None
        if draft is not None:
            draft.roles = [role]
            found.append(draft)
    return found


def _connection(data: Item, event: Item) -> EvidenceDraft | None:
    source = text(data, *_SOURCE_NAMES) or text(event, "sourceIp")
    target = text(data, *_TARGET_NAMES) or text(event, "destinationIp")
    return build.connection(source, target, {"sourceAddress": source, "destinationAddress": target})


def _accounts(data: Item, event: Item, device: DeviceFacts | None) -> list[EvidenceDraft | None]:
    found: list[EvidenceDraft | None] = []
    for role, holder, name, domain, sid in (
        ("source", data, "srcuser", "", ""),
        ("destination", data, "dstuser", "", ""),
        ("source", event, "subjectUserName", "subjectDomainName", "subjectUserSid"),
        ("destination", event, "targetUserName", "targetDomainName", "targetUserSid"),
        ("source", event, "user", "", ""),
        ("source", mapping(data, "office365"), "UserId", "", ""),
    ):
        said = text(holder, name).strip("<>'\" ")
        if not said or said == "-":
            continue
        facts = _identity(said, text(holder, domain), text(holder, sid), device)
        draft = build.user(facts, {"accountName": said, "field": name})
        if draft is not None:
            draft.roles = [role]
            found.append(draft)
    return found


def _identity(said: str, domain: str, sid: str, device: DeviceFacts | None) -> IdentityFacts:
    """`name`, `DOMAIN\\name` or an address; an account that every machine has belongs to its machine."""
    if "\\" in said:
        domain, _, said = said.partition("\\")
    upn = said if said.count("@") == 1 and "." in said.rpartition("@")[2] else ""
    name = said.partition("@")[0] if upn else said
    if not domain and device is not None and name.lower() in BUILT_IN_ACCOUNTS:
        domain = device.bare_name
    ids = (f"sid:{sid.lower()}",) if sid.upper().startswith("S-1-5-21-") else ()
    return IdentityFacts(upn=upn, account_name=name, domain=domain, sid=sid, ids=ids)


def _files(item: Item, event: Item, device: DeviceFacts | None) -> list[EvidenceDraft | None]:
    found: list[EvidenceDraft | None] = []
    syscheck = mapping(item, "syscheck")
    if syscheck:
        path = text(syscheck, "path")
        when = "after" if any(text(syscheck, f"{kind}_after") for kind in ("md5", "sha1", "sha256")) else "before"
        sha256, sha1, md5 = (text(syscheck, f"{kind}_{when}") for kind in ("sha256", "sha1", "md5"))
        facts = _facts_of(path, sha256, sha1, md5, integer(syscheck, f"size_{when}"))
        draft = build.file(facts, syscheck, device)
        if draft is not None:
            role = _SYSCHECK_ROLES.get(text(syscheck, "event"))
            draft.roles = [role] if role else []
        found.append(draft)
    image = text(event, "image", "newProcessName")
    if image:
        hashes = dict(part.split("=", 1) for part in text(event, "hashes").lower().split(",") if "=" in part)
        facts = _facts_of(image, hashes.get("sha256", ""), hashes.get("sha1", ""), hashes.get("md5", ""), None)
        draft = build.process(text(event, "commandLine"), facts, event, device)
        if draft is not None:
            draft.members = _runs(event)
        found.append(draft)
    return found


def _runs(event: Item) -> list[str]:
    """The sensor's own identifiers; the time of the event is the beginning of the process only where there is a
    command line, for only its creation tells one."""
    own = lineage.run_named(text(event, "processGuid"))
    if text(event, "commandLine"):
        own += lineage.run_of(text(event, "processId"), text(event, "utcTime"))
    return own + lineage.parents_of(event, "parentImage", lineage.run_named(text(event, "parentProcessGuid")))


def _facts_of(path: str, sha256: str, sha1: str, md5: str, size: int | None) -> FileFacts:
    return FileFacts(
        sha256=build.clean_hash(sha256, 64),
        sha1=build.clean_hash(sha1, 40),
        md5=build.clean_hash(md5, 32),
        name=re.split(r"[\\/]", path)[-1],
        path=path,
        size=size,
    )
