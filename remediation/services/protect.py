"""The list of protected assets: what stands on it, and who put it there."""

import ipaddress

from django.core.exceptions import ValidationError
from django.db import transaction

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
    actor: Actor,
) -> ProtectedAsset:
    """Put something on the list. Raises `ValidationError` naming the field."""
    asset = ProtectedAsset(
        kind=ProtectedKind(kind),
        match_by=MatchBy(match_by),
        target_kind=EntityKind(target_kind),
        target_id=target_id if match_by == MatchBy.ENTITY else None,
        pattern="" if match_by == MatchBy.ENTITY else " ".join(pattern.replace("\x00", "").split()),
        note=" ".join(note.replace("\x00", "").split()),
        author=actor.as_json(),
    )
    _check(asset)
    with transaction.atomic():
        asset.save()
        _record("protection.added", asset, actor=actor)
    return asset


def unprotect(asset: ProtectedAsset, *, actor: Actor, reason: str) -> None:
    """Take something off the list."""
    with transaction.atomic():
        _record("protection.removed", asset, actor=actor, reason=reason)
        asset.delete()


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
    same = ProtectedAsset.objects.filter(target_kind=asset.target_kind, match_by=asset.match_by, kind=asset.kind)
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
    }
    audit.record(verb, subject=f"protection:{asset.pk}", actor=actor, reason=reason, data=data)
