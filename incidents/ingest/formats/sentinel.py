"""Microsoft Sentinel `SecurityAlert` row. Its entities are a JSON string with `$id` and `$ref`; its times are UTC
without saying so; its extended properties are a JSON string too."""

import json
from collections.abc import Callable
from typing import Any

import orjson

from incidents.enums import AlertStatus, Severity
from incidents.ingest import evidence as build
from incidents.ingest import lineage
from incidents.ingest.draft import AlertDraft, EvidenceDraft
from incidents.ingest.mending import Mark, mended_inside
from incidents.ingest.reading import integer, text, texts, without
from incidents.services.facts import DeviceFacts, FileFacts, IdentityFacts, MailboxFacts

KEY = "sentinel"
LABEL = "Microsoft Sentinel SecurityAlert"

Item = dict[str, Any]
MAX_ENTITIES_TEXT = 4 * 1024 * 1024
_SEVERITIES = {
    "informational": Severity.INFORMATIONAL,
    "low": Severity.LOW,
    "medium": Severity.MEDIUM,
    "high": Severity.HIGH,
}
_STATUSES = {
    "new": AlertStatus.NEW,
    "inprogress": AlertStatus.IN_PROGRESS,
    "in progress": AlertStatus.IN_PROGRESS,
    "resolved": AlertStatus.RESOLVED,
    "dismissed": AlertStatus.RESOLVED,
}
# Provider -> the service source of our enum.
_PROVIDERS = {
    "mdatp": "microsoftDefenderForEndpoint",
    "azure advanced threat protection": "microsoftDefenderForIdentity",
    "mcas": "microsoftDefenderForCloudApps",
    "oatp": "microsoftDefenderForOffice365",
    "ipc": "azureAdIdentityProtection",
    "azure sentinel": "microsoftSentinel",
    "asi scheduled alerts": "microsoftSentinel",
    "asi nrt alerts": "microsoftSentinel",
    "customalertrule": "microsoftSentinel",
    "azure security center": "microsoftDefenderForCloud",
    "detection": "microsoftDefenderForCloud",
    "microsoft 365 defender": "microsoft365Defender",
}
_TAKEN = frozenset({
    "SystemAlertId", "VendorOriginalId", "AlertName", "DisplayName", "AlertDisplayName", "Description",
    "RemediationSteps", "AlertSeverity", "Severity", "Status", "Tactics", "Techniques", "SubTechniques",
    "ProviderName", "ProductName", "AlertType", "StartTime", "StartTimeUtc", "EndTime", "EndTimeUtc",
    "TimeGenerated", "Entities", "ExtendedProperties",
})  # fmt: skip


def read(item: Item) -> AlertDraft:
    marks: list[Mark] = []
    extended = mended_inside(_embedded(item.get("ExtendedProperties")), "ExtendedProperties", marks)
    entities = mended_inside(_embedded(item.get("Entities")), "Entities", marks)
    properties = extended if isinstance(extended, dict) else {}
    provider = text(item, "ProviderName")
    additional = without(item, _TAKEN)
    if properties:
        additional["ExtendedProperties"] = properties
    if provider:
        additional["ProviderName"] = provider
    return AlertDraft(
        provider_alert_id=text(item, "SystemAlertId", "VendorOriginalId"),
        title=text(item, "DisplayName", "AlertDisplayName", "AlertName"),
        description=item.get("Description"),
        recommended_actions=_steps(item.get("RemediationSteps"), marks),
        severity=_SEVERITIES.get(text(item, "AlertSeverity", "Severity").lower(), Severity.UNKNOWN),
        status=_STATUSES.get(text(item, "Status").lower(), AlertStatus.NEW),
        categories=_words(item.get("Tactics"), marks),
        mitre_techniques=_words(item.get("SubTechniques"), marks) + _words(item.get("Techniques"), marks),
        service_source=_PROVIDERS.get(provider.lower(), "microsoftSentinel"),
        detection_source=_detection_source(provider),
        product_name=text(item, "ProductName") or text(item, "VendorName"),
        provider_incident_id=text(properties, "IncidentId", "ProviderIncidentId"),
        detector_id=text(item, "AlertType"),
        first_activity=item.get("StartTime") or item.get("StartTimeUtc"),
        last_activity=item.get("EndTime") or item.get("EndTimeUtc"),
        said_at=item.get("TimeGenerated"),
        evidence=_read_entities(entities),
        additional=additional,
        marks=marks,
    )


def _embedded(value: Any) -> Any:
    """JSON inside a string; what is already an object stays; what cannot be read is None."""
    if isinstance(value, dict | list):
        return value
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_ENTITIES_TEXT:
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(value, strict=False)
    except (ValueError, RecursionError):
        return None


def _steps(value: Any, marks: list[Mark]) -> str:
    """`RemediationSteps` is a JSON list in a string, one step each, or plain text."""
    steps = mended_inside(_embedded(value), "RemediationSteps", marks)
    if isinstance(steps, list):
        return "\n".join(str(step) for step in steps)
    return value if isinstance(value, str) else ""


def _words(value: Any, marks: list[Mark]) -> list[str]:
    """A JSON list in a string, a list, or words separated by commas."""
    is_json = isinstance(value, str) and value.lstrip().startswith("[")
    listed = mended_inside(_embedded(value), "Tactics", marks) if is_json else value
    if isinstance(listed, list):
        return [str(word) for word in listed if isinstance(word, str)]
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else []


def _detection_source(provider: str) -> str:
    lowered = provider.lower()
    if lowered in ("asi scheduled alerts", "customalertrule"):
        return "scheduledAlerts"
    return "nrtAlerts" if lowered == "asi nrt alerts" else _PROVIDERS.get(lowered, "microsoftSentinel")


class _Entities:
    """The entity list of one alert, with `{"$ref": id}` followed one step; a reference is never expanded twice."""

    def __init__(self, entries: list[Item]) -> None:
        self.by_id: dict[str, Item] = {}
        for entry in entries:
            self._register(entry, 0)

    def _register(self, entry: Item, depth: int) -> None:
        """Entities also stand inside others, at the place where they are named first."""
        if isinstance(identifier := entry.get("$id"), str):
            self.by_id.setdefault(identifier, entry)
        if depth < 3:
            for value in entry.values():
                for inner in value if isinstance(value, list) else (value,):
                    if isinstance(inner, dict):
                        self._register(inner, depth + 1)

    def get(self, entry: Item, name: str) -> Item:
        value = entry.get(name)
        if not isinstance(value, dict):
            return {}
        reference = value.get("$ref")
        return self.by_id.get(reference, {}) if isinstance(reference, str) else value


def _read_entities(value: Any) -> list[EvidenceDraft]:
    entries = [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
    entities = _Entities(entries)
    listed = {id(entry) for entry in entries}
    nested = [
        entry
        for entry in entities.by_id.values()
        if id(entry) not in listed and text(entry, "Type").lower() != "filehash"
    ]
    found = []
    for entry in [*entries, *nested]:
        reader = _READERS.get(text(entry, "Type").lower().replace("-", "").replace(" ", ""))
        draft = reader(entry, entities) if reader else _generic(entry)
        if draft is not None:
            draft.data = without(entry, frozenset({"$id"}))
            found.append(draft)
    return found


def _host_facts(host: Item) -> DeviceFacts:
    ids = [
        f"{prefix}:{value.lower()}"
        for prefix, name in (
            ("mde", "MdatpDeviceId"),
            ("aad", "AadDeviceId"),
            ("azure", "AzureID"),
            ("oms", "OMSAgentID"),
        )
        if (value := text(host, name))
    ]
    name, dns_domain = text(host, "HostName", "NetBiosName"), text(host, "DnsDomain")
    return DeviceFacts(
        dns_name=text(host, "FQDN") or (f"{name}.{dns_domain}" if name and dns_domain else ""),
        host_name=name,
        domain=dns_domain,
        ids=tuple(identifier[:255] for identifier in ids),
        os_platform=text(host, "OSFamily"),
        os_version=text(host, "OSVersion"),
    )


def _account_facts(account: Item, entities: _Entities) -> IdentityFacts:
    name, suffix = text(account, "Name", "AccountName"), text(account, "UPNSuffix")
    upn = text(account, "UserPrincipalName", "UPN") or (f"{name}@{suffix}" if name and suffix else "")
    if not upn and name.count("@") == 1:
        upn, name = name, name.partition("@")[0]
    sid = text(account, "Sid")
    ids = [f"sid:{sid.lower()}"] if sid.upper().startswith("S-1-") else []
    if directory_id := text(account, "AadUserId"):
        ids.append(f"aad:{directory_id.lower()}")
    domain = text(account, "NTDomain", "DnsDomain")
    if not domain and not upn and not ids and account.get("IsDomainJoined") is False:
        domain = _host_facts(entities.get(account, "Host")).bare_name
    return IdentityFacts(
        upn=upn, account_name=name, domain=domain, sid=sid, ids=tuple(ids), display_name=text(account, "DisplayName")
    )


def _file_facts(entry: Item, entities: _Entities) -> FileFacts:
    hashes = {}
    listed = entry.get("FileHashes")
    for position, value in enumerate(listed if isinstance(listed, list) else []):
        holder = entities.get({"hash": value}, "hash")
        hashes[text(holder, "Algorithm").lower() or str(position)] = holder.get("Value")
    folder, name = text(entry, "Directory"), text(entry, "Name")
    separator = "\\" if "\\" in folder else "/"
    return FileFacts(
        sha256=build.clean_hash(hashes.get("sha256"), 64),
        sha1=build.clean_hash(hashes.get("sha1"), 40),
        md5=build.clean_hash(hashes.get("md5"), 32),
        name=name,
        path=f"{folder.rstrip(separator)}{separator}{name}" if folder and name else folder,
        size=integer(entry, "SizeInBytes"),
    )


def _host_of(entry: Item, entities: _Entities) -> DeviceFacts | None:
    facts = _host_facts(entities.get(entry, "Host"))
    return facts if facts.key else None


def _host(entry: Item, _entities: _Entities) -> EvidenceDraft | None:
    return build.device(_host_facts(entry), {})


def _account(entry: Item, entities: _Entities) -> EvidenceDraft | None:
    return build.user(_account_facts(entry, entities), {})


def _file(entry: Item, entities: _Entities) -> EvidenceDraft | None:
    return build.file(_file_facts(entry, entities), {}, _host_of(entry, entities))


def _process(entry: Item, entities: _Entities) -> EvidenceDraft | None:
    image = _file_facts(entities.get(entry, "ImageFile"), entities)
    draft = build.process(text(entry, "CommandLine"), image, {}, _host_of(entry, entities))
    if draft is not None:
        parent = entities.get(entry, "ParentProcess")
        starter = _file_facts(entities.get(parent, "ImageFile"), entities).name
        before = [] if lineage.starts_everything(starter) else _run(parent)
        draft.members = _run(entry) + before
    return draft


def _run(process: Item) -> list[str]:
    return lineage.run_of(process.get("ProcessId"), process.get("CreationTimeUtc"))


def _mail_cluster(entry: Item, _entities: _Entities) -> EvidenceDraft | None:
    return build.mail_cluster(text(entry, "ClusterGroup"), text(entry, "ClusterSourceIdentifier", "Query"),
                              texts(entry, "NetworkMessageIds"), {})  # fmt: skip


def _ip(entry: Item, _entities: _Entities) -> EvidenceDraft | None:
    return build.ip(text(entry, "Address"), {})


def _url(entry: Item, _entities: _Entities) -> EvidenceDraft | None:
    return build.url(text(entry, "Url"), {})


def _dns(entry: Item, _entities: _Entities) -> EvidenceDraft | None:
    return build.domain(text(entry, "DomainName"), {})


def _mailbox(entry: Item, _entities: _Entities) -> EvidenceDraft | None:
    return build.mailbox(
        MailboxFacts(text(entry, "MailboxPrimaryAddress", "Upn"), text(entry, "DisplayName"), text(entry, "Upn")), {}
    )


def _message(entry: Item, _entities: _Entities) -> EvidenceDraft | None:
    return build.message(
        text(entry, "NetworkMessageId", "InternetMessageId"),
        text(entry, "Subject"),
        {},
        MailboxFacts(text(entry, "Recipient")),
    )


def _file_hash(entry: Item, entities: _Entities) -> EvidenceDraft | None:
    facts = _file_facts({"FileHashes": [entry], "Name": text(entry, "Value")}, entities)
    draft = build.file(facts, {})
    if draft is not None:
        draft.type = "fileHash"
    return draft


def _session(entry: Item, entities: _Entities) -> EvidenceDraft | None:
    draft = build.other("hostLogonSession", text(entry, "SessionId") or "Sign-in session", {})
    if draft is not None:
        facts = _account_facts(entities.get(entry, "Account"), entities)
        draft.identity = facts if facts.key else None
    return draft


def _registry_key(entry: Item, _entities: _Entities) -> EvidenceDraft | None:
    return build.other("registryKey", "\\".join(filter(None, (text(entry, "Hive"), text(entry, "Key")))), {})


def _cloud_application(entry: Item, _entities: _Entities) -> EvidenceDraft | None:
    return build.other("cloudApplication", text(entry, "Name", "InstanceName", "AppId"), {}, text(entry, "AppId"))


def _azure_resource(entry: Item, _entities: _Entities) -> EvidenceDraft | None:
    resource = text(entry, "ResourceId")
    return build.other("azureResource", resource.rpartition("/")[2] or resource, {}, resource)


def _malware(entry: Item, _entities: _Entities) -> EvidenceDraft | None:
    return build.other("malware", text(entry, "Name"), {}, text(entry, "Name"))


def _generic(entry: Item) -> EvidenceDraft | None:
    type_ = text(entry, "Type") or "unknown"
    first = next((value for name in ("Name", "DisplayName", "Value", "Id") for value in texts(entry, name)), type_)
    return build.other(type_, first, {})


_READERS: dict[str, Callable[[Item, _Entities], EvidenceDraft | None]] = {
    "host": _host,
    "account": _account,
    "file": _file,
    "process": _process,
    "ip": _ip,
    "url": _url,
    "dns": _dns,
    "dnsresolution": _dns,
    "mailbox": _mailbox,
    "mailmessage": _message,
    "mailcluster": _mail_cluster,
    "filehash": _file_hash,
    "hostlogonsession": _session,
    "registrykey": _registry_key,
    "cloudapplication": _cloud_application,
    "azureresource": _azure_resource,
    "malware": _malware,
}
