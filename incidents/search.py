"""Looking something up by number, name, hash or address, in what one person may see."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q
from django.urls import reverse

from accounts.models import User
from incidents.entity_facts import KINDS
from incidents.models import Alert, Evidence, Incident
from incidents.queries.incidents import name_contains
from incidents.wording import source_label

MOST = 20
# So many pieces of evidence are looked at for the alerts and incidents that name what was found.
NAMING = 500
_NUMBER = re.compile(r"^(?:INC-|#)?(\d{1,17})$", re.IGNORECASE)
_HEX = re.compile(r"^[0-9a-f]{6,64}$", re.IGNORECASE)
_HASH = re.compile(r"^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Result:
    label: str
    url: str
    meta: str
    kind: str
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """`more`: there are further hits than are shown."""

    label: str
    results: list[Result]
    more: bool


def refanged(text: str) -> str:
    """What people paste from reports as the addresses it means: `hxxps://evil[.]example` back to plain."""
    plain = text.replace("\x00", "").replace("[.]", ".").replace("[:]", ":").strip()[:200]
    return re.sub(r"^hxxp", "http", plain, flags=re.IGNORECASE)


def incident_number(text: str) -> int | None:
    """The number of an incident when the text is one beyond doubt: `INC-1048`."""
    match = _NUMBER.match(text)
    return int(match[1]) if match and text[:1] in "Ii#" else None


def search(text: str, user: User) -> list[Group]:
    """Groups in the order in which an analyst looks; empty ones are left out."""
    if len(text) < 2:
        return []
    found = {kind: _entity_rows(kind, text, user) for kind in KINDS}
    naming = _alerts_naming(found, user)
    groups = [_incidents(text, user, naming), *[_entities(kind, rows) for kind, rows in found.items()],
              _alerts(text, user, naming)]  # fmt: skip
    return [group for group in groups if group.results]


def _group(label: str, results: Iterable[Result]) -> Group:
    found = list(results)
    return Group(label, found[:MOST], len(found) > MOST)


def _incidents(text: str, user: User, naming: list[int]) -> Group:
    held = Alert.objects.filter(pk__in=naming).exclude(incident=None).values_list("incident", flat=True)
    condition = name_contains(text, user) | Q(pk__in=list(held.distinct()))
    if match := _NUMBER.match(text):
        condition |= Q(pk=int(match[1]))
    rows = Incident.objects.visible_to(user).filter(condition).for_rows().order_by("-last_activity", "-id")
    return _group("Incidents", (
        Result(row.display_name, reverse("incidents:incident", args=[row.pk]),
               f"{row.number} · {row.get_status_display()}", "incident", row.severity)
        for row in rows[: MOST + 1]
    ))  # fmt: skip


def entity_called(kind: str, text: str) -> Q:
    """Entities of that name, key or alias; each condition has its index, so none makes the others slow."""
    lower = text.lower()
    found = Q(display_name__has_text=text)
    if kind == "file":
        keys = [Q(key__startswith=f"{name}:{lower}") for name in ("sha256", "sha1", "md5")] if _HEX.match(text) else []
        return reduce(or_, keys, found | Q(key=lower) | Q(sha1=lower) | Q(md5=lower))
    found |= Q(key__has_text=lower)
    if kind != "device":
        found |= Q(upn__has_text=text)
    if kind != "mailbox":
        found |= Q(aliases__contains=[lower])
    return found | Q(ip_addresses__contains=[text]) if kind == "device" else found


def _entity_rows(kind: str, text: str, user: User) -> list[Any]:
    rows: Any = KINDS[kind].model.objects.visible_to(user).filter(entity_called(kind, text))
    return list(rows.order_by("-last_seen", "-id")[: MOST + 1])


def _alerts_naming(found: Mapping[str, Sequence[Any]], user: User) -> list[int]:
    """The newest visible alerts whose evidence names one of these entities, as far as the evidence is visible too."""
    conditions = [Q(**{f"{kind}__in": [row.pk for row in rows[:MOST]]}) for kind, rows in found.items() if rows]
    if not conditions:
        return []
    named = (
        Evidence.objects.visible_to(user)
        .filter(reduce(or_, conditions))
        .order_by("-alert_id")
        .values_list("alert_id", flat=True)
    )
    return list(dict.fromkeys(named[:NAMING]))


def _entities(kind: str, rows: Sequence[Any]) -> Group:
    return _group(KINDS[kind].plural.capitalize(), (
        Result(row.display_name, reverse(f"incidents:{kind}", args=[row.pk]), _about(kind, row), kind) for row in rows
    ))  # fmt: skip


def _about(kind: str, row: Any) -> str:
    parts = {
        "device": [row.key, *getattr(row, "ip_addresses", [])[:1]],
        "identity": [getattr(row, "upn", ""), getattr(row, "department", "")],
        "file": [row.key.partition(":")[2][:16]],
        "mailbox": [getattr(row, "primary_address", "")],
    }[kind]
    return " · ".join(part for part in parts if part)


def _alerts(text: str, user: User, naming: list[int]) -> Group:
    """Alerts by the source's number, those that name an address, link, domain or hash spelt so, and those whose
    evidence names a found entity."""
    lower = text.lower()
    prefixes = ("sha256", "sha1", "md5") if _HASH.match(text) else ("ip", "url", "domain", "message")
    named = Evidence.objects.filter(key__in=[f"{prefix}:{lower.rstrip('/')}" for prefix in prefixes]).values("alert")
    rows = Alert.objects.visible_to(user).filter(Q(pk__in=named) | Q(pk__in=naming) | Q(provider_alert_id=text))
    shown = rows.defer("additional_data", "description").order_by("-last_activity", "-id")[: MOST + 1]
    return _group("Alerts", (_alert_result(row) for row in shown))


def _alert_result(row: Alert) -> Result:
    source = source_label(row.service_source)
    meta = f"INC-{row.incident_id} · {source}" if row.incident_id else source
    return Result(row.title, reverse("incidents:alert", args=[row.pk]), meta, "alert", row.severity)
