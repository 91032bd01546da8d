"""Alert of the detector in our own endpoint agent. The machine it is about is the agent that sent it; everything else
comes from the endpoint and is believed no more than any other source."""

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from incidents.enums import EvidenceVerdict, Severity
from incidents.ingest import evidence as build
from incidents.ingest import lineage
from incidents.ingest.draft import AlertDraft, EvidenceDraft, Rejected
from incidents.ingest.reading import integer, mapping, one_of, text, texts, without
from incidents.services.facts import BUILT_IN_ACCOUNTS, DeviceFacts, FileFacts, IdentityFacts

KEY = "soc_agent"
LABEL = "Endpoint agent of the portal"

Item = dict[str, Any]
# How the entity of a machine names its agent.
PREFIX = "soc:"
_TAKEN = frozenset({"id", "at", "description", "rule", "process", "file", "program", "connection", "device", "agent"})
# Programs of the system run everybody's scripts: their digest says nothing about what happened.
_SYSTEM = ("/usr/", "/bin/", "/sbin/", "/lib")
_INTERPRETER = re.compile(r"(python[0-9.]*|perl[0-9.]*|ruby[0-9.]*|node|php[0-9.]*|(ba|da|z|k)?sh)")
_ROLES = {"program": "loaded", "persistence": "created", "file": "edited"}
# What a finding of some weight is about is suspicious; a file that was rewritten is a victim.
_WEIGHTY = frozenset({Severity.MEDIUM, Severity.HIGH})
_SUSPECTS = frozenset({"process", "file", "ip"})


def read(item: Item) -> AlertDraft:
    rule = mapping(item, "rule")
    if not text(rule, "id") or not text(rule, "title"):
        raise Rejected("missing_field", "An alert of an agent has a rule with an id and a title.", "rule")
    sender, identifier = text(item, "agent"), text(item, "id")
    device = _device(item)
    return AlertDraft(
        # Two agents that give the same id speak of two alerts.
        provider_alert_id=f"{sender}:{identifier}" if sender and identifier else identifier,
        title=text(rule, "title"),
        description=item.get("description"),
        severity=one_of(rule.get("severity"), Severity.values, Severity.UNKNOWN),
        categories=texts(rule, "category"),
        mitre_techniques=texts(rule, "attack"),
        service_source="endpointAgents",
        detection_source="endpointAgents",
        product_name="Endpoint agents of the portal",
        detector_id=text(rule, "id"),
        first_activity=_moment(item.get("at")),
        evidence=[draft for draft in _evidence(item, device) if draft is not None],
        additional=without(item, _TAKEN),
    )


def _moment(value: Any) -> Any:
    """Seconds since 1970 as a time; what is none stays as it is, and is marked later."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            return str(value)
    return value


def _device(item: Item) -> DeviceFacts | None:
    """The portal names it when it hands the alert on: by the agent's id, which is bound to one Device."""
    named = mapping(item, "device")
    identifier, key = text(named, "id"), text(named, "key")
    if not identifier:
        return None
    return DeviceFacts(
        dns_name=key if "." in key else "",
        host_name=key.partition(".")[0] or text(named, "name"),
        ids=((PREFIX + identifier)[:255],),
    )


def _evidence(item: Item, device: DeviceFacts | None) -> list[EvidenceDraft | None]:
    drafts: list[EvidenceDraft | None] = []
    if device is not None:
        drafts.append(build.device(device, dict(mapping(item, "device"))))
    process, connection = mapping(item, "process"), mapping(item, "connection")
    if process:
        drafts += [_process(process, device), _user(process, device)]
    seen = {text(process, "path")}
    for name in ("file", "program"):
        entry = mapping(item, name)
        if text(entry, "path") and text(entry, "path") not in seen:
            seen.add(text(entry, "path"))
            drafts.append(_file(entry, device, _ROLES.get(name if name == "program" else text(item, "kind"))))
    drafts.append(_address(connection))
    return _judged(drafts, text(mapping(item, "rule"), "severity"))


def _judged(drafts: list[EvidenceDraft | None], severity: str) -> list[EvidenceDraft | None]:
    for draft in drafts:
        if draft is not None and severity in _WEIGHTY and draft.type in _SUSPECTS and "edited" not in draft.roles:
            draft.verdict = EvidenceVerdict.SUSPICIOUS
    return drafts


def _facts(entry: Item) -> FileFacts:
    path = text(entry, "path")
    return FileFacts(
        sha256=build.clean_hash(entry.get("sha256"), 64), name=path.rpartition("/")[2], path=path,
        size=integer(entry, "size"),
    )  # fmt: skip


def _process(process: Item, device: DeviceFacts | None) -> EvidenceDraft | None:
    image = _facts(process)
    if image.path.startswith(_SYSTEM) or _INTERPRETER.fullmatch(image.name):
        image.sha256 = ""
    draft = build.process(text(process, "command_line"), image, process, device)
    if draft is not None:
        parent = mapping(process, "parent")
        draft.members = _run(process, device)
        draft.members += lineage.parents_of(parent, "path", _run(parent, device))
    return draft


def _run(process: Item, device: DeviceFacts | None) -> list[str]:
    """One run on one machine: process ids are small on a fresh machine, and so are equal on many."""
    number, began = text(process, "pid"), text(process, "started")
    if device is None or not number or not began:
        return []
    return lineage.run_named(str(uuid.uuid5(uuid.NAMESPACE_OID, f"{device.ids} {number} {began}")))


def _user(process: Item, device: DeviceFacts | None) -> EvidenceDraft | None:
    """Accounts that every machine has say nothing; others are the machine's own."""
    name = text(process, "user")
    if not name or name.isdecimal() or name.lower() in BUILT_IN_ACCOUNTS or device is None:
        return None
    return build.user(IdentityFacts(account_name=name, domain=device.bare_name), {"accountName": name})


def _file(entry: Item, device: DeviceFacts | None, role: str | None) -> EvidenceDraft | None:
    draft = build.file(_facts(entry), entry, device)
    if draft is not None and role:
        draft.roles = [role]
    return draft


def _address(connection: Item) -> EvidenceDraft | None:
    draft = build.ip(text(connection, "remote_address"), connection)
    if draft is not None:
        draft.roles = ["source" if text(connection, "direction") == "inbound" else "destination"]
    return draft
