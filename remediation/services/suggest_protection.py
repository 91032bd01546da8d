"""What ought to be protected, from what the portal knows: its own addresses, names and tags that tell a role, and the
accounts of the people who use it."""

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.enums import UserKind
from accounts.models import User
from incidents.models import Device, Identity
from incidents.queries.entities import DeviceQuerySet
from remediation.enums import ProtectedKind
from remediation.models import ProtectedAsset
from remediation.policy.protection import matches, names_of, roles_of

MOST = 100
_LOCAL = {"", "localhost", "127.0.0.1", "::1", "*", "[::1]", "testserver"}
_ROLES: tuple[tuple[ProtectedKind, re.Pattern[str], str], ...] = (
    (ProtectedKind.DOMAIN_CONTROLLER, re.compile(r"domain.?controller|(^|[-_.])dc[-_]?\d*$"), "domain controller"),
    (ProtectedKind.DNS, re.compile(r"(^|[-_.])(dns|ns)[-_]?\d*$|dns.?server"), "DNS server"),
    (ProtectedKind.GATEWAY, re.compile(r"(^|[-_.])(gw|gateway|fw|firewall|vpn|router)\d*$|networkdevice"), "gateway"),
    (ProtectedKind.DATABASE, re.compile(r"(^|[-_.])(sql|db|postgres|oracle)[-_]?\d*$|database"), "database"),
    (ProtectedKind.OTHER, re.compile(r"(^|[-_.])(backup|bkp|veeam)[-_]?\d*$|backup.?server"), "backup server"),
)  # fmt: skip
_BREAK_GLASS = re.compile(r"break.?glass|emergency.?(access|admin)")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One asset, what it seems to be, and the fact that says so."""

    kind: ProtectedKind
    target: Device | Identity
    why: str


def suggestions(user: User) -> list[Suggestion]:
    """What stands on no list yet, of what this person may see."""
    assets = list(ProtectedAsset.objects.all())
    found: list[Suggestion] = []
    for one in (*_devices(user), *_accounts(user)):
        if not any(matches(asset, one.target) for asset in assets):
            found.append(one)
        if len(found) == MOST:
            break
    return found


def _devices(user: User) -> Iterator[Suggestion]:
    return key_devices(Device.objects.visible_to(user))


def key_devices(seen: DeviceQuerySet) -> Iterator[Suggestion]:
    """Of these devices those that others hang on, whether they are protected or not."""
    own, stores = _own_names(), _store_names()
    words = Q()
    for word in (
        "dc",
        "dns",
        "ns",
        "gw",
        "gateway",
        "fw",
        "firewall",
        "vpn",
        "router",
        "sql",
        "db",
        "postgres",
        "oracle",
        "backup",
        "bkp",
        "veeam",
    ):
        words |= Q(key__iregex=rf"(^|[-_.]){word}[-_]?[0-9]*([.]|$)")
    tagged = ~Q(tags=[]) | ~Q(category="computersAndMobile")
    named = Q(key__in=own | stores) | Q(host_name__in=own | stores) | Q(ip_addresses__overlap=list(own | stores))
    for device in seen.filter(words | tagged | named).order_by("key")[: 20 * MOST]:
        names = {name.lower() for name in (*names_of(device), *device.ip_addresses)}
        if hit := names & own:
            yield Suggestion(ProtectedKind.PORTAL, device, f"The portal answers at {min(hit)}.")
        elif hit := names & stores:
            yield Suggestion(ProtectedKind.DATABASE, device, f"The portal keeps its data at {min(hit)}.")
        else:
            yield from _by_role(device)


def _by_role(device: Device) -> Iterator[Suggestion]:
    for kind, pattern, role in _ROLES:
        tag = next((word for word in roles_of(device) if pattern.search(word.lower())), "")
        name = next((word for word in names_of(device) if pattern.search(word.lower().partition(".")[0])), "")
        if tag or name:
            yield Suggestion(kind, device, f"Its tag {tag} says {role}." if tag else f"Its name {name} says {role}.")
            return


def _accounts(user: User) -> Iterator[Suggestion]:
    people = {}
    for person in User.objects.filter(is_active=True, kind=UserKind.PERSON):
        for word in (person.email.lower(), person.username.lower()):
            if word:
                people[word] = person
    seen = Identity.objects.visible_to(user).annotate(low_upn=Lower("upn"), low_name=Lower("account_name"))
    named = Q(key__in=people) | Q(low_upn__in=people) | Q(low_name__in=people)
    glass = Q(key__iregex=_BREAK_GLASS.pattern) | Q(display_name__iregex=_BREAK_GLASS.pattern)
    for identity in seen.filter(named | glass).order_by("key")[: 20 * MOST]:
        names = [name.lower() for name in names_of(identity)]
        if any(_BREAK_GLASS.search(name) for name in names):
            yield Suggestion(ProtectedKind.BREAK_GLASS, identity, "Its name says break-glass account.")
        elif hit := next((people[name] for name in names if name in people), None):
            yield Suggestion(ProtectedKind.SOC_ACCOUNT, identity, f"{hit} uses the portal.")


def _own_names() -> set[str]:
    names = {*settings.ALLOWED_HOSTS, socket.gethostname(), socket.getfqdn()}
    return {name.lower().lstrip(".") for name in names} - _LOCAL


def _store_names() -> set[str]:
    hosts = {str(settings.DATABASES["default"].get("HOST") or ""), urlsplit(settings.REDIS_URL).hostname or ""}
    return {host.lower() for host in hosts if not host.startswith("/")} - _LOCAL
