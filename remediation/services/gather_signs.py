"""What to look for on other devices: what the evidence of an incident names, and what somebody adds by hand."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from accounts.models import User
from incidents.correlation.addresses import is_internal
from incidents.correlation.entities import ORDINARY_PROGRAMS
from incidents.enums import EvidenceVerdict
from incidents.models import Device, Evidence, Incident
from incidents.services.facts import BUILT_IN_ACCOUNTS
from incidents.services.file_places import path_of
from remediation.enums import SweepItemKind
from remediation.policy.spared import needed_by

MOST_SIGNS = 300
MOST_EVIDENCE = 2_000
LONGEST = 400
_HASHES = {32, 40, 64}
_HOST = re.compile(r"(?=.{4,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+", re.ASCII)
_BAD = {EvidenceVerdict.MALICIOUS, EvidenceVerdict.SUSPICIOUS}
# Where a system or its packages keep programs; elsewhere a file of such a name is a disguise.
_INSTALLED = re.compile(
    r"/(?!tmp/|var/tmp/|dev/shm/).*/?s?bin/[^/]+|[a-z]:\\(windows|program files[^\\]*)\\.+", re.IGNORECASE
)
_INTERPRETER = re.compile(r"(python|perl|ruby|node|php)[0-9.]*|(ba|da|z|k)?sh", re.ASCII)
_ATTACKING = {"attacker", "commandAndControl", "created", "compromised"}


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing to look for. `why` names the evidence; `suggested` says that it is bad as far as anybody knows; `name`
    is what people call a value that nobody can read; `unlikely` why what is suspect is not suggested all the same."""

    kind: str
    value: str
    why: str = ""
    suggested: bool = True
    name: str = ""
    unlikely: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind} {self.value}"

    @property
    def label(self) -> str:
        return str(SweepItemKind(self.kind).label)


def signs_of(incident: Incident, user: User) -> list[Sign]:
    """Every sign in the evidence that this person sees, what is known as bad first."""
    seen = Evidence.objects.visible_to(user).filter(alert__incident=incident)
    rows = seen.select_related("file", "identity").order_by("-verdict", "pk")[:MOST_EVIDENCE]
    found: dict[str, Sign] = {}
    for row in rows:
        for sign in _signs_in(row):
            known = found.get(sign.key)
            if known is None or (sign.suggested and not known.suggested):
                found[sign.key] = sign
    order = {kind: place for place, kind in enumerate(SweepItemKind.values)}
    return sorted(
        _without_needed(found.values(), incident, user), key=lambda one: (not one.suggested, order[one.kind], one.value)
    )[:MOST_SIGNS]


def _without_needed(signs: Iterable[Sign], incident: Incident, user: User) -> list[Sign]:
    """An address that agents need is on every healthy device, and is not suggested."""
    listed = list(signs)
    if not any(one.suggested and one.kind == SweepItemKind.ADDRESS for one in listed):
        return listed
    needed = needed_by(Device.objects.visible_to(user).filter(exercise=incident.exercise))
    return [
        replace(one, suggested=False, unlikely=needed[one.value])
        if one.suggested and one.kind == SweepItemKind.ADDRESS and one.value in needed
        else one
        for one in listed
    ]


def _why_ordinary(row: Evidence) -> str:
    """Why a program of the system says nothing by being there, unless the file itself is known as bad: what is said of
    a process is said of what it was given to do."""
    file = row.file
    if file is not None and row.type == "file" and row.verdict == EvidenceVerdict.MALICIOUS:
        return ""
    if file is not None and file.is_hub:
        return "on very many devices"
    path = path_of(file) if file is not None else _path_told(row)
    name = re.split(r"[\\/]", path or (file.display_name if file is not None else ""))[-1].lower()
    ordinary = name in ORDINARY_PROGRAMS or _INTERPRETER.fullmatch(name)
    return "a program of the system" if ordinary and _INSTALLED.fullmatch(path) else ""


def _path_told(row: Evidence) -> str:
    """What the evidence of a thing says of its place, where no file is known."""
    path = row.data.get("path") or row.data.get("filePath")
    return path if isinstance(path, str) else ""


def _signs_in(row: Evidence) -> Iterable[Sign]:
    bad = row.verdict in _BAD or bool(_ATTACKING & set(row.roles))
    why = _why_ordinary(row)
    for kind, value in _values_in(row):
        try:
            clean = clean_sign(kind, value)
        except ValidationError:
            continue
        ordinary = (kind == SweepItemKind.ADDRESS and is_internal(clean)) or clean.lower() in BUILT_IN_ACCOUNTS
        name = row.file.display_name if kind == SweepItemKind.HASH and row.file is not None else ""
        usual = why if bad and kind in (SweepItemKind.HASH, SweepItemKind.PATH) else ""
        suggested = bad and not ordinary and not usual
        yield Sign(kind, clean, row.type_label, suggested=suggested, name=name, unlikely=usual)


def _values_in(row: Evidence) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if row.file is not None:
        digest = row.file.sha256 or row.file.sha1 or row.file.md5
        kind = SweepItemKind.PERSISTENCE if "persistence" in row.data else SweepItemKind.PATH
        found += [(SweepItemKind.HASH, digest), (kind, path_of(row.file))]
    if row.identity is not None:
        found.append((SweepItemKind.ACCOUNT, row.identity.account_name or row.identity.key))
    if row.type == "ip":
        found.append((SweepItemKind.ADDRESS, row.key.partition(":")[2] or row.display))
    if row.type in {"url", "dns", "domain"}:
        host = urlsplit(row.display).hostname if "://" in row.display else row.display
        found.append((SweepItemKind.DOMAIN, host or ""))
    if row.file is None:
        found.append((SweepItemKind.PATH, _path_told(row)))
    return [(str(kind), value) for kind, value in found if value]


def clean_sign(kind: str, value: object) -> str:
    """The value as devices compare it; raises `ValidationError` with the reason."""
    text = value.strip() if isinstance(value, str) else ""
    if kind not in SweepItemKind.values:
        raise ValidationError(f"{str(kind)[:30]!r} is none of {', '.join(SweepItemKind.values)}.")
    label = str(SweepItemKind(kind).label)
    if not text or len(text) > LONGEST or not text.isprintable():
        raise ValidationError(f"{label}: 1 to {LONGEST} printable characters are needed.")
    if kind == SweepItemKind.HASH:
        text = text.lower()
        if len(text) not in _HASHES or not re.fullmatch(r"[0-9a-f]+", text, re.ASCII):
            raise ValidationError(f"{label}: a SHA-256, SHA-1 or MD5 in hexadecimal digits is needed.")
    if kind == SweepItemKind.ADDRESS:
        try:
            text = ipaddress.ip_address(text.strip("[]")).compressed
        except ValueError:
            raise ValidationError(f"{label}: one IP address is needed, not {text[:60]}.") from None
    if kind == SweepItemKind.DOMAIN:
        text = text.lower().rstrip(".")
        if not _HOST.fullmatch(text):
            raise ValidationError(f"{label}: a domain name is needed, not {text[:60]}.")
    if kind == SweepItemKind.PATH and not re.match(r"(/|[A-Za-z]:[\\/])", text):
        raise ValidationError(f"{label}: the whole path is needed, not {text[:60]}.")
    return text


def clean_signs(raw: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The list that a sweep keeps and devices get, each sign once and numbered; raises `ValidationError`."""
    found: dict[tuple[str, str], None] = {}
    for one in raw:
        kind = str(one.get("kind", ""))
        found[(kind, clean_sign(kind, one.get("value")))] = None
        if len(found) > MOST_SIGNS:
            raise ValidationError(f"At most {MOST_SIGNS} things are looked for at once.")
    if not found:
        raise ValidationError("Choose at least one thing to look for.")
    return [{"id": str(place), "kind": kind, "value": value} for place, (kind, value) in enumerate(found, start=1)]


def typed_signs(text: str) -> list[dict[str, str]]:
    """Lines of a person: `kind value`, or a value whose kind shows."""
    found = []
    for line in text.splitlines():
        first, _, rest = line.strip().partition(" ")
        if not first:
            continue
        word = first.rstrip(":").lower()
        named = word in SweepItemKind.values and rest.strip()
        value = rest.strip() if named else line.strip()
        found.append({"kind": word if named else guess_kind(value), "value": value})
    return found


def guess_kind(value: str) -> str:
    """An account is what nothing else is."""
    for kind in (SweepItemKind.HASH, SweepItemKind.ADDRESS, SweepItemKind.PATH, SweepItemKind.DOMAIN):
        try:
            clean_sign(kind, value)
        except ValidationError:
            continue
        return str(kind.value)
    return str(SweepItemKind.ACCOUNT.value)
