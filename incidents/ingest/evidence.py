"""One builder per kind of evidence: what people read, what correlation compares, which entity is meant.

Every format uses these, so the same thing gets the same key whoever reports it.
"""

import hashlib
import ipaddress
import re
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from incidents.ingest.draft import EvidenceDraft
from incidents.services.facts import DeviceFacts, FileFacts, IdentityFacts, MailboxFacts

KEY_LENGTH = 300
MIN_TELLING_COMMAND = 40
_HEX = re.compile(r"[0-9a-f]+")


def bounded_key(prefix: str, value: str) -> str:
    """`prefix:value`; a long value is replaced by its digest so that equal things keep equal keys."""
    key = f"{prefix}:{value}"
    if len(key) <= KEY_LENGTH:
        return key
    return f"{prefix}:blake2:{hashlib.blake2b(value.encode(errors='replace'), digest_size=16).hexdigest()}"


def clean_hash(value: Any, length: int) -> str:
    """A lower-case hex digest of that length, or empty; all zeros stand for "not known"."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return text if len(text) == length and _HEX.fullmatch(text) and text.strip("0") else ""


@lru_cache(maxsize=8192)
def clean_ip(value: str) -> str:
    """The canonical address without port or brackets, or empty."""
    text = value.strip().strip("[]")
    if text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def device(facts: DeviceFacts, data: dict[str, Any]) -> EvidenceDraft | None:
    key = facts.key
    if not key:
        return None
    return EvidenceDraft("device", facts.display, f"device:{key}", data=data, device=facts)


def user(facts: IdentityFacts, data: dict[str, Any]) -> EvidenceDraft | None:
    key = facts.key
    if not key:
        return None
    return EvidenceDraft(
        "user", facts.upn or facts.domain_name or facts.display, f"user:{key}", data=data, identity=facts
    )


def mailbox(facts: MailboxFacts, data: dict[str, Any]) -> EvidenceDraft | None:
    if "@" not in facts.address:
        return None
    return EvidenceDraft("mailbox", facts.address, f"mailbox:{facts.key}", data=data, mailbox=facts)


def file(facts: FileFacts, data: dict[str, Any], on: DeviceFacts | None = None) -> EvidenceDraft | None:
    shown = facts.name or facts.path or facts.key
    if not shown:
        return None
    return EvidenceDraft("file", shown, facts.key, data=data, file=facts if facts.key else None, device=on)


def process(
    command_line: str, image: FileFacts, data: dict[str, Any], on: DeviceFacts | None = None
) -> EvidenceDraft | None:
    """Its key is the command line when that is long enough to be telling, whitespace and case aside."""
    shown = command_line or image.path or image.name
    if not shown:
        return None
    words = " ".join(command_line.lower().split())
    key = ""
    if len(words) >= MIN_TELLING_COMMAND:
        key = f"command:{hashlib.blake2b(words.encode(errors='replace'), digest_size=16).hexdigest()}"
    return EvidenceDraft("process", shown, key, data=data, file=image if image.key else None, device=on)


def ip(address: str, data: dict[str, Any]) -> EvidenceDraft | None:
    canonical = clean_ip(address)
    if not canonical:
        return None
    return EvidenceDraft("ip", canonical, f"ip:{canonical}", data=data)


def connection(source: str, target: str, data: dict[str, Any], shown: str = "") -> EvidenceDraft | None:
    """Two machines that spoke to each other. The key is the same for question and answer, and empty when a machine
    spoke to itself."""
    if not source or not target:
        return None
    ends = sorted({clean_ip(source), clean_ip(target)})
    local = len(ends) < 2 or any(not end or ipaddress.ip_address(end).is_loopback for end in ends)
    key = "" if local else f"connection:{'|'.join(ends)}"
    return EvidenceDraft("networkConnection", shown or f"{source} to {target}", key, data=data)


def url(address: str, data: dict[str, Any]) -> EvidenceDraft | None:
    text = address.strip()
    if not text:
        return None
    return EvidenceDraft("url", text, bounded_key("url", _comparable_url(text)), data=data)


def _comparable_url(text: str) -> str:
    """Scheme and host lower-cased, fragment and trailing slash dropped; what cannot be split is compared as it is."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    if not parts.netloc:
        return text.rstrip("/").lower()
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path.rstrip('/')}{query}"


def domain(name: str, data: dict[str, Any]) -> EvidenceDraft | None:
    text = name.strip().strip(".").lower()
    if not text:
        return None
    return EvidenceDraft("dns", name, bounded_key("domain", text), data=data)


def message(
    message_id: str, subject: str, data: dict[str, Any], to: MailboxFacts | None = None
) -> EvidenceDraft | None:
    identifier = message_id.strip().strip("<>").lower()
    if not identifier and not subject:
        return None
    return EvidenceDraft(
        "analyzedMessage",
        subject or identifier,
        bounded_key("message", identifier) if identifier else "",
        data=data,
        mailbox=to if to is not None and "@" in to.address else None,
    )


def mail_cluster(cluster_by: str, value: str, message_ids: list[str], data: dict[str, Any]) -> EvidenceDraft | None:
    """Messages that are alike. It stands for each of them, as far as they are listed."""
    draft = other("mailCluster", value or cluster_by, data, f"{cluster_by};{value}" if value else "")
    if draft is not None:
        ids = (identifier.strip().strip("<>").lower() for identifier in message_ids)
        draft.members = [bounded_key("message", identifier) for identifier in ids if identifier]
    return draft


def other(type_: str, display: str, data: dict[str, Any], key: str = "") -> EvidenceDraft | None:
    """Any further type: kept as type, JSON and what people read."""
    if not display:
        return None
    return EvidenceDraft(type_[:40], display, bounded_key(type_[:40], key.lower()) if key else "", data=data)
