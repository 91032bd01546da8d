"""Which protection a target stands under."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from incidents.models import Device, File, Identity
from incidents.services.undiscovered import CATEGORY
from remediation.enums import MatchBy, RunStatus
from remediation.models import ProtectedAsset
from remediation.policy import settings
from remediation.policy.question import Question
from remediation.policy.targets import Target


@dataclass(frozen=True, slots=True)
class Shield:
    """The protection that counts for one target: the strictest of those that match it."""

    asset: ProtectedAsset
    refuses: bool

    @property
    def in_words(self) -> str:
        return f"Protected ({self.asset.get_kind_display()}): {self.asset.note}"


def shield_of(target: Target) -> Shield | None:
    return shields_of([target]).get(target.pk)


def shields_of(targets: Iterable[Target]) -> dict[int, Shield]:
    """By the target's id, for targets of one kind; three queries at most, however many targets."""
    found = list(targets)
    if not found:
        return {}
    assets = list(ProtectedAsset.objects.filter(target_kind=found[0].kind))
    refuses = {kind: settings.is_refused(kind) for kind in {asset.kind for asset in assets}}
    shields: dict[int, Shield] = {}
    for target in found:
        matching = [asset for asset in assets if matches(asset, target)]
        if matching:
            strictest = max(matching, key=lambda asset: refuses[asset.kind])
            shields[target.pk] = Shield(strictest, refuses[strictest.kind])
    return shields


def shields_in_reach(question: Question) -> list[Shield]:
    """Every protection of what would be touched: of a file also that of the devices that it is taken from."""
    own = shield_of(question.target)
    return [*([own] if own else []), *shields_of(devices_in_reach(question)).values()]


def devices_in_reach(question: Question) -> list[Device]:
    """The devices that a file action touches: of a plan those that would be, of a run those that are."""
    if not isinstance(question.target, File):
        return []
    planned = question.told.get("reach")
    if planned is not None and planned.value is not None:
        return [child.device for child in planned.value.children if child.bound is not None]
    if question.run is None or not question.run.pk:
        return []
    parts = question.run.children.exclude(status=RunStatus.SKIPPED)
    return list(Device.objects.filter(pk__in=parts.values("target_id")))


def matches(asset: ProtectedAsset, target: Target) -> bool:
    """Whether the rule of a protected asset means this target. Letter case does not matter."""
    if asset.target_kind != target.kind:
        return False
    if asset.match_by == MatchBy.ENTITY:
        return asset.target_id == target.pk
    if asset.device_group_ids and not _lies_within(asset, target):
        return False
    wanted = asset.pattern.lower()
    if asset.match_by == MatchBy.NAME:
        return any(fnmatchcase(name.lower(), wanted) for name in names_of(target))
    if asset.match_by == MatchBy.TAG:
        return wanted in {word.lower() for word in roles_of(target)}
    return isinstance(target, Device) and any(_lies_in(address, wanted) for address in target.ip_addresses)


def _lies_within(asset: ProtectedAsset, target: Target) -> bool:
    """A rule for some device groups means their devices. A machine that is known by an address alone is in no group, so
    it counts: whoever blocks that address blocks the machine."""
    if not isinstance(target, Device):
        return False
    by_address = not target.pk or target.category == CATEGORY
    return by_address or target.device_group_id in asset.device_group_ids


def names_of(target: Target) -> list[str]:
    """Every name the target goes by."""
    more = [getattr(target, name, "") for name in ("host_name", "account_name", "upn", "primary_address")]
    return [name for name in (target.key, target.display_name, *getattr(target, "aliases", ()), *more) if name]


def roles_of(target: Target) -> list[str]:
    """Tags, and what kind of machine it is."""
    if isinstance(target, Device):
        return [*target.tags, target.category]
    return list(target.tags) if isinstance(target, Identity) else []


def _lies_in(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
