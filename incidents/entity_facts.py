"""What pages say about devices, files, identities and mailboxes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from accounts.models import User
from connectors.agent_facts import network_of
from connectors.models import Agent
from incidents.enums import EntityKind
from incidents.models import Alert, Device, Evidence, File, Identity, Incident, Mailbox
from incidents.queries.incidents import IncidentQuerySet
from incidents.wording import system_label

Entity = Device | File | Identity | Mailbox


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entity as its pages call it. `columns` are (attribute, label, width, sort field or empty)."""

    key: str
    model: Any
    word: str
    plural: str
    icon: str
    columns: tuple[tuple[str, str, int, str], ...]


KINDS: Mapping[str, Kind] = {
    "device": Kind("device", Device, "device", "devices", "laptop", (
        ("os", "System", 196, ""), ("group", "Group", 140, ""), ("risk", "Risk", 134, ""),
        ("criticality", "Criticality", 96, ""), ("health", "Sensor", 110, ""),
    )),
    "identity": Kind("identity", Identity, "account", "accounts", "user", (
        ("upn", "Sign-in name", 230, ""), ("department", "Department", 140, ""), ("risk", "Risk", 134, ""),
        ("criticality", "Criticality", 96, ""),
    )),
    "file": Kind("file", File, "file", "files", "file", (
        ("hash", "Hash", 200, ""), ("publisher", "Publisher", 170, ""), ("size", "Size", 90, ""),
    )),
    "mailbox": Kind("mailbox", Mailbox, "mailbox", "mailboxes", "mail", (
        ("address", "Address", 240, ""), ("risk", "Risk", 134, ""), ("criticality", "Criticality", 96, ""),
    )),
}  # fmt: skip


def facts_of(entity: Entity) -> list[dict[str, Any]]:
    """`{"label", "value", "how"}` in the order of a pane, without what is not known; `how` names the mark to use."""
    rows: list[tuple[str, Any, str]] = _FACTS[entity.kind](entity)
    return [{"label": label, "value": value, "how": how} for label, value, how in rows if value not in (None, "", [])]


def _network(device: Any, agent: Agent | None) -> dict[str, Any] | None:
    """What was last seen of its network connection: by its agent, else by whoever acted on it. None when nobody
    looked."""
    seen = device.mitigation.get("network") or {}
    kept = str(seen.get("state") or "")
    word = (network_of(agent) if agent else "") or kept
    if not word:
        return None
    return {"word": word, "since": parse_datetime(str(seen.get("since") or "")) if word == kept else None}


def _agent_on(device: Any) -> Agent | None:
    served = Agent.objects.in_service().only("status", "seen_at")
    bound = device.bindings.values_list("connection_id", "remote_id")
    found = (served.filter(connection=connection_id, device_id=remote_id).first() for connection_id, remote_id in bound)
    return next((agent for agent in found if agent is not None), None)


def _last_seen(device: Any, agent: Agent | None) -> datetime:
    """An agent that has nothing new to tell is heard all the same."""
    heard = agent.seen_at if agent else None
    seen: datetime = device.last_seen
    return max(seen, heard) if heard else seen


def _device(device: Any) -> list[tuple[str, Any, str]]:
    agent = _agent_on(device)
    return [
        ("System", system_label(device.os_platform, device.os_version), ""),
        ("Network", _network(device, agent), "state"),
        ("Group", device.device_group.name, ""),
        ("Domain", device.domain, ""),
        ("Last seen", _last_seen(device, agent), "when"),
        ("Signed in", device.logged_on_users[:5], "list"),
        ("Addresses", device.ip_addresses[:4], "list"),
        ("Sensor", device.get_health_display(), ""),
        ("Exposure", device.get_exposure_level_display(), ""),
    ]


def _identity(identity: Any) -> list[tuple[str, Any, str]]:
    return [
        ("Sign-in name", identity.upn or identity.account_name, ""),
        ("Domain", identity.domain, ""),
        ("Department", identity.department, ""),
        ("Title", identity.job_title, ""),
        ("SID", identity.sid, "hash"),
        ("Kind", "Service account" if identity.is_service else "", ""),
        ("Last seen", identity.last_seen, "when"),
    ]


def _file(file: Any) -> list[tuple[str, Any, str]]:
    return [
        ("SHA-256", file.sha256, "hash"),
        ("SHA-1", file.sha1, "hash"),
        ("MD5", file.md5, "hash"),
        ("Path", file.path, "path"),
        ("Size", f"{file.size:,} bytes" if file.size is not None else "", ""),
        ("Publisher", file.publisher, ""),
        ("Signer", file.signer, ""),
        ("Also named", [name for name in file.names if name != file.display_name][:5], "list"),
        ("First seen", file.first_seen, "when"),
        ("Last seen", file.last_seen, "when"),
    ]


def _mailbox(mailbox: Any) -> list[tuple[str, Any, str]]:
    return [
        ("Address", mailbox.primary_address, ""),
        ("Sign-in name", mailbox.upn, ""),
        ("Last seen", mailbox.last_seen, "when"),
    ]


_FACTS: Mapping[EntityKind, Any] = {
    EntityKind.DEVICE: _device,
    EntityKind.IDENTITY: _identity,
    EntityKind.FILE: _file,
    EntityKind.MAILBOX: _mailbox,
}


def cells_of(kind: Kind, row: Any) -> list[dict[str, Any]]:
    """The cells of a list row, in the order of the kind's columns."""
    makers: dict[str, Any] = {
        "os": lambda: system_label(row.os_platform, row.os_version),
        "group": lambda: row.device_group.name,
        "risk": lambda: row.risk_level,
        "criticality": lambda: "" if row.criticality == "none" else row.get_criticality_display(),
        "health": lambda: str(row.get_health_display()),
        "upn": lambda: row.upn or row.key,
        "department": lambda: row.department,
        "hash": lambda: row.key.partition(":")[2],
        "publisher": lambda: row.publisher,
        "size": lambda: f"{row.size:,}" if row.size is not None else "",
        "address": lambda: row.primary_address,
    }
    how = {"risk": "risk", "hash": "hash"}
    return [{"key": key, "value": makers[key](), "how": how.get(key, "")} for key, *_rest in kind.columns]


def evidence_naming(entity: Entity, user: User) -> QuerySet[Evidence]:
    return Evidence.objects.visible_to(user).filter(**{entity.kind.value: entity})


def alerts_naming(entity: Entity, user: User) -> QuerySet[Alert]:
    named = Evidence.objects.filter(**{entity.kind.value: entity}).values("alert")
    return Alert.objects.visible_to(user).filter(pk__in=named)


def incidents_naming(entity: Entity, user: User) -> IncidentQuerySet:
    named = alerts_naming(entity, user).values("incident")
    return Incident.objects.visible_to(user).listed().filter(pk__in=named)
