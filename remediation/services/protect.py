"""The list of protected assets: what stands on it, and who put it there."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import DeviceGroup, User
from core import audit
from core.actors import Actor
from incidents.enums import EntityKind
from remediation.enums import MatchBy, ProtectedKind
from remediation.models import ProtectedAsset
from remediation.policy.targets import MODELS

MAX_NOTE, MAX_PATTERN = 500, 255
# A rule that means everything would stop all response; somebody who wants that has stop-all.
_MEANS_ALL = set("*?")
_OF_DEVICES = (MatchBy.ADDRESS,)
_WITH_TAGS = {EntityKind.DEVICE, EntityKind.IDENTITY}


def protect(
    *,
    kind: str,
    match_by: str,
    target_kind: str,
    pattern: str = "",
    target_id: int | None = None,
    note: str,
    device_group_ids: Sequence[int] = (),
    actor: Actor,
    user: User | None = None,
) -> ProtectedAsset:
    """Put something on the list. `user` sees some device groups only: then a rule is for devices of these; None is the
    portal itself. The caller has made sure that `user` sees the one that is meant. Raises `ValidationError` naming the
    field."""
    asset = ProtectedAsset(
        kind=ProtectedKind(kind),
        match_by=MatchBy(match_by),
        target_kind=EntityKind(target_kind),
        target_id=target_id if match_by == MatchBy.ENTITY else None,
        pattern="" if match_by == MatchBy.ENTITY else " ".join(pattern.replace("\x00", "").split()),
        note=" ".join(note.replace("\x00", "").split()),
        device_group_ids=_groups(match_by, target_kind, device_group_ids, user),
        author=actor.as_json(),
    )
    _check(asset)
    with transaction.atomic():
        asset.save()
        _record("protection.added", asset, actor=actor)
    return asset


def unprotect(asset: ProtectedAsset, *, actor: Actor, reason: str, user: User | None = None) -> None:
    """Take something off the list. Raises `ValidationError` where it protects more than `user` sees."""
    if user is not None and not may_unprotect(asset, user):
        raise ValidationError("It protects beyond your device groups: somebody who sees them all takes it away.")
    with transaction.atomic():
        _record("protection.removed", asset, actor=actor, reason=reason)
        asset.delete()


def may_unprotect(asset: ProtectedAsset, user: User) -> bool:
    """Whether everything that it protects lies in the scope of this person."""
    if user.scope.everything:
        return True
    if asset.match_by == MatchBy.ENTITY:
        seen: Any = MODELS[asset.target_kind]._default_manager
        return bool(seen.visible_to(user).filter(pk=asset.target_id).exists())
    return bool(asset.device_group_ids) and user.scope.group_ids.issuperset(asset.device_group_ids)


def _groups(match_by: str, target_kind: str, wanted: Sequence[int], user: User | None) -> list[int]:
    """Where a rule holds: as asked for, within what the person sees; empty for everywhere."""
    if match_by == MatchBy.ENTITY:
        return []
    groups = set(wanted)
    if user is not None and not user.scope.everything:
        groups = groups or set(user.scope.group_ids)
        if target_kind != EntityKind.DEVICE or not groups or not user.scope.group_ids.issuperset(groups):
            raise ValidationError({"device_group_ids": "You may protect devices of your own device groups by a rule."})
    if groups and target_kind != EntityKind.DEVICE:
        raise ValidationError({"device_group_ids": "Only devices belong to device groups."})
    known = set(DeviceGroup.objects.filter(pk__in=groups, retired=False).values_list("pk", flat=True))
    if (groups and not known) or (wanted and known != groups):
        raise ValidationError({"device_group_ids": "There is no such device group."})
    return sorted(known)


def _check(asset: ProtectedAsset) -> None:
    if not asset.note or len(asset.note) > MAX_NOTE:
        raise ValidationError({"note": f"Say why it is protected, in at most {MAX_NOTE} characters."})
    if asset.match_by == MatchBy.ENTITY:
        _check_entity(asset)
        return
    if not asset.pattern or len(asset.pattern) > MAX_PATTERN:
        raise ValidationError({"pattern": f"Say what is meant, in at most {MAX_PATTERN} characters."})
    if set(asset.pattern) <= _MEANS_ALL:
        raise ValidationError({"pattern": "This means everything."})
    if asset.match_by in _OF_DEVICES:
        _check_network(asset)
    same = ProtectedAsset.objects.filter(
        target_kind=asset.target_kind, match_by=asset.match_by, kind=asset.kind, device_group_ids=asset.device_group_ids
    )
    if same.filter(pattern__iexact=asset.pattern).exists():
        raise ValidationError({"pattern": "It is protected as this already."})
    if asset.match_by == MatchBy.TAG and asset.target_kind not in _WITH_TAGS:
        raise ValidationError({"target_kind": "Only devices and accounts have tags."})


def _check_entity(asset: ProtectedAsset) -> None:
    model = MODELS[asset.target_kind]
    if asset.target_id is None or not model._default_manager.filter(pk=asset.target_id).exists():
        raise ValidationError({"target_id": "There is no such target."})
    same = ProtectedAsset.objects.filter(target_kind=asset.target_kind, target_id=asset.target_id, kind=asset.kind)
    if same.exists():
        raise ValidationError({"target_id": "It is protected as this already."})


def _check_network(asset: ProtectedAsset) -> None:
    if asset.target_kind != EntityKind.DEVICE:
        raise ValidationError({"target_kind": "Only devices have addresses."})
    try:
        network = ipaddress.ip_network(asset.pattern, strict=False)
    except ValueError:
        raise ValidationError({"pattern": "An address or a network is needed, such as 10.0.0.0/24."}) from None
    if network.prefixlen == 0:
        raise ValidationError({"pattern": "This means everything."})
    asset.pattern = str(network)


def _record(verb: str, asset: ProtectedAsset, *, actor: Actor, reason: str = "") -> None:
    data = {
        "kind": asset.kind,
        "match_by": asset.match_by,
        "target": f"{asset.target_kind}:{asset.target_id or ''}",
        "pattern": asset.pattern,
        "note": asset.note,
        "device_groups": asset.device_group_ids,
    }
    audit.record(verb, subject=f"protection:{asset.pk}", actor=actor, reason=reason, data=data)
