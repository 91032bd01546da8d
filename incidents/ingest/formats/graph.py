"""Microsoft Graph security alert (`microsoft.graph.security.alert`) with typed evidence."""

from collections.abc import Callable
from typing import Any

from incidents.enums import (
    DETERMINATION_ALIASES,
    AlertStatus,
    Classification,
    Determination,
    EvidenceVerdict,
    Onboarding,
    RemediationStatus,
    SensorHealth,
    Severity,
)
from incidents.ingest import evidence as build
from incidents.ingest import lineage
from incidents.ingest.draft import AlertDraft, EvidenceDraft
from incidents.ingest.reading import integer, mapping, mappings, one_of, text, texts, without
from incidents.services.facts import DeviceFacts, FileFacts, IdentityFacts, MailboxFacts

KEY = "graph"
LABEL = "Microsoft Graph security alert"

Item = dict[str, Any]
Devices = dict[str, DeviceFacts]

_SEVERITIES = frozenset(Severity.values)
_STATUSES = frozenset(AlertStatus.values)
_CLASSIFICATIONS = frozenset(Classification.values)
_DETERMINATIONS = frozenset(Determination.values)
_VERDICTS = frozenset(EvidenceVerdict.values)
_REMEDIATION = frozenset(RemediationStatus.values)
_HEALTH = {**{value: value for value in SensorHealth.values}, "noSensorDataImpairedCommunication": "noSensorData"}
_TYPE_PREFIX, _TYPE_SUFFIX = "#microsoft.graph.security.", "Evidence"
_TAKEN = frozenset({
    "@odata.type", "id", "providerAlertId", "title", "description", "recommendedActions", "severity", "status",
    "classification", "determination", "categories", "category", "mitreTechniques", "serviceSource",
    "detectionSource", "productName", "incidentId", "detectorId", "actorDisplayName", "threatDisplayName",
    "firstActivityDateTime", "lastActivityDateTime", "createdDateTime", "evidence",
})  # fmt: skip
# These live in columns of their own.
_EVIDENCE_TAKEN = frozenset({
    "@odata.type", "verdict", "remediationStatus", "remediationStatusDetails", "roles",
})  # fmt: skip


def read(item: Item) -> AlertDraft:
    determination = item.get("determination")
    if isinstance(determination, str):
        determination = DETERMINATION_ALIASES.get(determination, determination)
    return AlertDraft(
        provider_alert_id=text(item, "id", "providerAlertId"),
        title=item.get("title"),
        description=item.get("description"),
        recommended_actions=item.get("recommendedActions"),
        severity=one_of(item.get("severity"), _SEVERITIES, Severity.UNKNOWN),
        status=one_of(item.get("status"), _STATUSES, AlertStatus.NEW),
        classification=one_of(item.get("classification"), _CLASSIFICATIONS, Classification.UNKNOWN),
        determination=one_of(determination, _DETERMINATIONS, Determination.UNKNOWN),
        categories=texts(item, "categories") or texts(item, "category"),
        mitre_techniques=texts(item, "mitreTechniques"),
        service_source=text(item, "serviceSource") or "unknown",
        detection_source=text(item, "detectionSource") or "unknown",
        product_name=item.get("productName"),
        provider_incident_id=text(item, "incidentId"),
        detector_id=text(item, "detectorId"),
        actor_display_name=item.get("actorDisplayName"),
        threat_display_name=item.get("threatDisplayName"),
        first_activity=item.get("firstActivityDateTime"),
        last_activity=item.get("lastActivityDateTime"),
        said_at=item.get("createdDateTime"),
        evidence=_read_evidence(mappings(item, "evidence")),
        additional=without(item, _TAKEN),
    )


def _read_evidence(entries: list[Item]) -> list[EvidenceDraft]:
    """Devices first, because files and processes name theirs by id."""
    devices: Devices = {}
    for entry in entries:
        if _type_of(entry) == "device":
            facts = _device_facts(entry)
            for identifier in facts.ids or (facts.key,):
                devices[identifier] = facts
    found = []
    for entry in entries:
        type_ = _type_of(entry)
        reader = _READERS.get(type_)
        draft = reader(entry, devices) if reader else _generic(type_, entry)
        if draft is not None:
            found.append(_with_base(draft, entry))
    return found


def _type_of(entry: Item) -> str:
    name = entry.get("@odata.type")
    if not isinstance(name, str):
        return "unknown"
    return name.removeprefix(_TYPE_PREFIX).removesuffix(_TYPE_SUFFIX) or "unknown"


def _with_base(draft: EvidenceDraft, entry: Item) -> EvidenceDraft:
    draft.roles = texts(entry, "roles")
    verdict, status = entry.get("verdict"), entry.get("remediationStatus")
    draft.verdict = verdict if verdict in _VERDICTS else EvidenceVerdict.UNKNOWN
    draft.remediation_status = status if status in _REMEDIATION else RemediationStatus.NONE
    draft.remediation_status_details = text(entry, "remediationStatusDetails")
    draft.data = {
        name: value for name, value in entry.items() if value not in (None, "", [], {}) and name not in _EVIDENCE_TAKEN
    }
    return draft


def _device_facts(entry: Item) -> DeviceFacts:
    ids = [
        f"{prefix}:{value.lower()}"
        for prefix, name in (("mde", "mdeDeviceId"), ("aad", "azureAdDeviceId"))
        if (value := text(entry, name))
    ]
    addresses = [text(entry, "lastIpAddress"), *texts(entry, "ipInterfaces")]
    version = text(entry, "version") or text(entry, "osBuild")
    return DeviceFacts(
        dns_name=text(entry, "deviceDnsName"),
        host_name=text(entry, "hostName"),
        domain=text(entry, "dnsDomain"),
        ids=tuple(ids),
        os_platform=text(entry, "osPlatform"),
        os_version=version,
        ip_addresses=tuple(filter(None, map(build.clean_ip, addresses))),
        logged_on_users=tuple(_logged_on(user) for user in mappings(entry, "loggedOnUsers")),
        tags=tuple(texts(entry, "tags")),
        health=_HEALTH.get(text(entry, "healthStatus"), SensorHealth.UNKNOWN),
        onboarding=one_of(entry.get("onboardingStatus"), Onboarding.values, Onboarding.INSUFFICIENT_INFO),
    )


def _logged_on(user: Item) -> str:
    name, domain = text(user, "accountName"), text(user, "domainName")
    return f"{domain}\\{name}" if domain else name


def _identity_facts(account: Item) -> IdentityFacts:
    sid = text(account, "userSid")
    ids = [f"sid:{sid.lower()}"] if sid else []
    if directory_id := text(account, "azureAdUserId"):
        ids.append(f"aad:{directory_id.lower()}")
    return IdentityFacts(
        upn=text(account, "userPrincipalName"),
        account_name=text(account, "accountName"),
        domain=text(account, "domainName"),
        sid=sid,
        ids=tuple(ids),
        display_name=text(account, "displayName"),
    )


def _file_facts(details: Item) -> FileFacts:
    return FileFacts(
        sha256=build.clean_hash(details.get("sha256"), 64),
        sha1=build.clean_hash(details.get("sha1"), 40),
        md5=build.clean_hash(details.get("md5"), 32),
        name=text(details, "fileName"),
        path=text(details, "filePath"),
        size=integer(details, "fileSize"),
        publisher=text(details, "filePublisher"),
        signer=text(details, "signer"),
    )


def _device_of(entry: Item, devices: Devices) -> DeviceFacts | None:
    """The named device of the alert; without a name, the only one the alert has."""
    named = text(entry, "mdeDeviceId")
    if named:
        return devices.get(f"mde:{named.lower()}")
    distinct = {id(facts): facts for facts in devices.values()}
    return next(iter(distinct.values())) if len(distinct) == 1 else None


def _device(entry: Item, devices: Devices) -> EvidenceDraft | None:
    mde = text(entry, "mdeDeviceId")
    return build.device(devices.get(f"mde:{mde.lower()}") or _device_facts(entry), {})


def _user(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    return build.user(_identity_facts(mapping(entry, "userAccount")), {})


def _file(entry: Item, devices: Devices) -> EvidenceDraft | None:
    return build.file(_file_facts(mapping(entry, "fileDetails")), {}, _device_of(entry, devices))


def _process(entry: Item, devices: Devices) -> EvidenceDraft | None:
    image = _file_facts(mapping(entry, "imageFile"))
    draft = build.process(text(entry, "processCommandLine"), image, {}, _device_of(entry, devices))
    if draft is not None:
        own = lineage.run_of(entry.get("processId"), entry.get("processCreationDateTime"))
        parent = lineage.run_of(entry.get("parentProcessId"), entry.get("parentProcessCreationDateTime"))
        starter = mapping(entry, "parentProcessImageFile")
        draft.members = own + lineage.parents_of(starter, "fileName", parent)
    return draft


def _ip(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    return build.ip(text(entry, "ipAddress"), {})


def _url(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    return build.url(text(entry, "url"), {})


def _dns(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    return build.domain(text(entry, "domainName"), {})


def _mailbox(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    return build.mailbox(
        MailboxFacts(text(entry, "primaryAddress", "upn"), text(entry, "displayName"), text(entry, "upn")), {}
    )


def _mailbox_configuration(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    address = text(entry, "mailboxPrimaryAddress", "upn")
    kind, name = text(entry, "configurationType"), text(entry, "displayName", "configurationId")
    draft = build.other("mailboxConfiguration", f"{kind} {name}".strip() or address, {})
    if draft is not None and "@" in address:
        draft.mailbox = MailboxFacts(address, upn=text(entry, "upn"))
    return draft


def _message(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    return build.message(
        text(entry, "networkMessageId", "internetMessageId"),
        text(entry, "subject"),
        {},
        MailboxFacts(text(entry, "recipientEmailAddress")),
    )


def _mail_cluster(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    cluster, value = text(entry, "clusterBy"), text(entry, "clusterByValue")
    return build.mail_cluster(cluster, value, texts(entry, "networkMessageIds"), {})


def _submission(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    draft = build.message(
        text(entry, "networkMessageId"), text(entry, "subject"), {}, MailboxFacts(text(entry, "recipient"))
    )
    if draft is not None:
        draft.type = "submissionMail"
    return draft


def _network_connection(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    source, target = text(entry, "sourceAddress"), text(entry, "destinationAddress")
    shown = f"{source}:{text(entry, 'sourcePort')} to {target}:{text(entry, 'destinationPort')}"
    return build.connection(source, target, {}, shown) or build.other("networkConnection", shown, {})


def _cloud_session(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    session = text(entry, "sessionId")
    draft = build.other("cloudLogonSession", session or "Sign-in session", {}, session)
    if draft is not None:
        draft.identity = _with_key(_identity_facts(mapping(entry, "account")))
    return draft


def _host_session(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    draft = build.other("hostLogonSession", text(entry, "sessionId") or "Sign-in session", {})
    if draft is not None:
        draft.identity = _with_key(_identity_facts(mapping(mapping(entry, "account"), "userAccount")))
    return draft


def _with_key(facts: IdentityFacts) -> IdentityFacts | None:
    return facts if facts.key else None


def _file_hash(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    value = text(entry, "value").lower()
    facts = FileFacts(
        sha256=build.clean_hash(value, 64),
        sha1=build.clean_hash(value, 40),
        md5=build.clean_hash(value, 32),
        name=value,
    )
    draft = build.file(facts, {})
    if draft is not None:
        draft.type = "fileHash"
    return draft


def _registry(entry: Item, _devices: Devices) -> EvidenceDraft | None:
    key = "\\".join(
        filter(None, (text(entry, "registryHive"), text(entry, "registryKey"), text(entry, "registryValueName")))
    )
    return build.other(_type_of(entry), key, {})


_DISPLAY_FIELDS = (
    "displayName", "name", "resourceName", "friendlyName", "domainName", "activeDirectoryDomainName", "deviceName",
    "servicePrincipalName", "subject", "query", "login", "url", "appId", "resourceId", "fullResourceName",
    "amazonResourceId", "containerId", "imageId", "clusterByValue", "macAddress", "requestId", "agentName",
)  # fmt: skip
_IDENTIFYING_FIELDS = ("appId", "objectId", "resourceId", "amazonResourceId", "fullResourceName", "urn", "sessionId")


def _generic(type_: str, entry: Item) -> EvidenceDraft | None:
    return build.other(type_, text(entry, *_DISPLAY_FIELDS) or type_, {}, text(entry, *_IDENTIFYING_FIELDS))


_READERS: dict[str, Callable[[Item, Devices], EvidenceDraft | None]] = {
    "device": _device,
    "user": _user,
    "file": _file,
    "process": _process,
    "ip": _ip,
    "url": _url,
    "dns": _dns,
    "mailbox": _mailbox,
    "mailboxConfiguration": _mailbox_configuration,
    "analyzedMessage": _message,
    "mailCluster": _mail_cluster,
    "submissionMail": _submission,
    "networkConnection": _network_connection,
    "cloudLogonSession": _cloud_session,
    "hostLogonSession": _host_session,
    "fileHash": _file_hash,
    "registryKey": _registry,
    "registryValue": _registry,
}
