"""What administrators say beforehand about devices with an agent: what stays open to isolated ones, and what may start
on restricted ones."""

import ipaddress
from collections.abc import Collection, Sequence
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import DeviceGroup
from core import audit, clock
from core.actors import Actor
from remediation.models import IsolationRule, TrustedPrograms
from remediation.models.agent_rules import Direction, Protocol

MOST_NETWORKS, MOST_RULES, MOST_PORT = 20, 100, 65_535
MOST_FOLDERS, MOST_SIGNERS = 50, 10
_COLUMNS = ("name", "description", "networks", "protocol", "port", "direction", "device_group_ids", "enabled")


def save_isolation_rule(rule: IsolationRule, *, actor: Actor, **wanted: Any) -> IsolationRule:
    """Make a rule of an unsaved one, or change it; for isolations from now on. Raises `ValidationError`."""
    values = {**{name: getattr(rule, name) for name in _COLUMNS}, **wanted}
    values["networks"] = clean_networks(values["networks"] or ())
    _check(values)
    verb = "isolation_rule.changed" if rule.pk else "isolation_rule.made"
    if not rule.pk and IsolationRule.objects.count() >= MOST_RULES:
        raise ValidationError(f"There are {MOST_RULES} rules already.")
    for name, value in values.items():
        setattr(rule, name, value)
    rule.updated = clock.now()
    try:
        with transaction.atomic():
            rule.save()
            audit.record(verb, subject=f"isolation_rule:{rule.pk}", actor=actor, data=values)
    except IntegrityError:
        raise ValidationError({"name": "Another rule has this name."}) from None
    return rule


def remove_isolation_rule(rule: IsolationRule, *, actor: Actor, reason: str) -> None:
    """Devices that are isolated already keep what they were isolated with."""
    with transaction.atomic():
        data = {name: getattr(rule, name) for name in _COLUMNS}
        subject = f"isolation_rule:{rule.pk}"
        audit.record("isolation_rule.removed", subject=subject, actor=actor, reason=reason, data=data)
        rule.delete()


def clean_networks(listed: Sequence[str]) -> list[str]:
    """Networks as the kernel writes them; raises `ValidationError` naming the one that is none."""
    found = []
    for text in filter(None, (one.strip() for one in listed)):
        try:
            network = str(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise ValidationError({"networks": f"{text[:60]} is no address and no network."}) from None
        if network not in found:
            found.append(network)
    if not 0 < len(found) <= MOST_NETWORKS:
        raise ValidationError({"networks": f"Between one and {MOST_NETWORKS} addresses or networks."})
    return found


def _check(values: dict[str, Any]) -> None:
    if not str(values["name"]).strip():
        raise ValidationError({"name": "A rule has a name."})
    if values["protocol"] not in Protocol.values or values["direction"] not in Direction.values:
        raise ValidationError({"direction": "There is no such direction or protocol."})
    port = values["port"]
    if port is not None and not 1 <= port <= MOST_PORT:
        raise ValidationError({"port": f"Between 1 and {MOST_PORT:,}."})
    if port is not None and not values["protocol"]:
        raise ValidationError({"port": "A port is one of TCP or UDP: choose the protocol too."})
    if missing := set(values["device_group_ids"]) - _groups(values["device_group_ids"]):
        raise ValidationError({"device_group_ids": f"There is no device group {min(missing)}."})


def _groups(ids: Collection[int]) -> set[int]:
    return set(DeviceGroup.objects.filter(pk__in=ids, retired=False).values_list("pk", flat=True))


def set_trusted_programs(
    group: DeviceGroup, *, folders: Sequence[str], signers: Sequence[str], actor: Actor
) -> TrustedPrograms:
    """For restrictions from now on. Raises `ValidationError`."""
    places, keys = _clean_folders(folders), _clean_signers(signers)
    with transaction.atomic():
        kept, _ = TrustedPrograms.objects.select_for_update().get_or_create(device_group=group)
        before = (kept.folders, len(kept.signers))
        kept.folders, kept.signers, kept.updated = places, keys, clock.now()
        kept.save()
        audit.record(
            "trusted_programs.changed", subject=f"device_group:{group.pk}", actor=actor,
            changes={"folders": (before[0], places), "signers": (before[1], len(keys))},
        )  # fmt: skip
    return kept


def _clean_folders(listed: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(one.strip() for one in listed if one.strip()))
    if wrong := next((one for one in found if not one.startswith("/") or one == "/" or ".." in one.split("/")), ""):
        raise ValidationError({"folders": f"{wrong[:80]} is no folder, named in full."})
    if len(found) > MOST_FOLDERS:
        raise ValidationError({"folders": f"At most {MOST_FOLDERS} folders."})
    return found


def _clean_signers(listed: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(one.strip() + "\n" for one in listed if one.strip()))
    for text in found:
        try:
            key = load_pem_public_key(text.encode())
        except (ValueError, UnsupportedAlgorithm):
            raise ValidationError({"signers": "One of these is no public key in PEM."}) from None
        if not isinstance(key, Ed25519PublicKey):
            raise ValidationError({"signers": "Keys of signers are Ed25519 keys."})
    if len(found) > MOST_SIGNERS:
        raise ValidationError({"signers": f"At most {MOST_SIGNERS} keys."})
    return found
