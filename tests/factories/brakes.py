"""Protected assets, caps and approver rules as an administrator sets them."""

from collections.abc import Sequence
from typing import Any

from accounts.models import DeviceGroup, User
from core import options
from incidents.models import Device, File, Identity, Mailbox
from remediation.models import ActionRun, ApproverRule, EmergencyApproval, ProtectedAsset
from remediation.services.approver_rules import save_rule
from remediation.services.emergency import approve_alone
from remediation.services.protect import protect
from tests.factories.people import person
from tests.factories.remediation import SETTER


def shield(target: Device | File | Identity | Mailbox, kind: str = "domain_controller") -> ProtectedAsset:
    """Put exactly this on the list."""
    return protect(
        kind=kind, match_by="entity", target_kind=target.kind, target_id=target.pk, note="Signs everybody in.",
        actor=SETTER,
    )  # fmt: skip


def put(key: str, value: Any) -> None:
    options.put(key, value, actor=SETTER)


def cap(number: int, asset_class: str = "devices", by: str = "person") -> None:
    put(f"caps.{asset_class}_by_{by}", number)


def approvers(
    *first: User, group: DeviceGroup | None = None, action: str = "", risk: str = "", fallbacks: Sequence[User] = (),
    minutes: int = 15,
) -> ApproverRule:  # fmt: skip
    return save_rule(
        ApproverRule(), device_group=group, action=action, risk=risk, approvers=first, fallbacks=fallbacks,
        fallback_after_min=minutes, actor=SETTER,
    )  # fmt: skip


def lead(username: str = "lena") -> User:
    """Somebody on the night shift who holds every right."""
    return person(username, "admin")


def alone(user: User, run: ActionRun) -> EmergencyApproval:
    """`user` approves without a second person."""
    return approve_alone(run, actor=user.actor, user=user, comment="Ransomware at night, nobody answers")
