"""Who decides on what: made, changed and removed by whoever administers rights."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import keys
from accounts.enums import ScopeKind
from accounts.models import DeviceGroup, User
from accounts.services.authority import authority_of
from core import audit
from core.actors import Actor
from remediation.catalog import is_known
from remediation.enums import Risk
from remediation.models import ApproverRule

MAX_MINUTES = 1_440
MAX_PEOPLE = 50


def save_rule(
    rule: ApproverRule,
    *,
    device_group: DeviceGroup | None,
    action: str,
    risk: str,
    approvers: Collection[User],
    fallbacks: Collection[User],
    fallback_after_min: int,
    note: str = "",
    actor: Actor,
) -> ApproverRule:
    """Make a rule of an unsaved one, or change it. Raises `ValidationError` naming the field."""
    _check(action, risk, approvers, fallbacks, fallback_after_min)
    _require_authority(actor, rule.device_group if rule.pk else device_group, device_group)
    verb = "approver_rule.changed" if rule.pk else "approver_rule.made"
    rule.device_group, rule.action, rule.risk = device_group, action, risk
    rule.fallback_after_min, rule.note = fallback_after_min, " ".join(note.replace("\x00", "").split())[:500]
    try:
        with transaction.atomic():
            rule.save()
            rule.approvers.set(approvers)
            rule.fallbacks.set(fallbacks)
            _record(verb, rule, actor=actor)
    except IntegrityError:
        raise ValidationError("There is a rule for this group and action already; change that one.") from None
    return rule


def remove_rule(rule: ApproverRule, *, actor: Actor, reason: str) -> None:
    """From now on the next wider rule holds; without one, whoever has the right decides."""
    _require_authority(actor, rule.device_group)
    with transaction.atomic():
        _record("approver_rule.removed", rule, actor=actor, reason=reason)
        rule.delete()


def _require_authority(actor: Actor, *groups: DeviceGroup | None) -> None:
    """Who decides is said by whoever may decide there: in these device groups, None being all of them."""
    authority = authority_of(actor)
    authority.require_keys({keys.DECIDE_RESPONSE})
    for group in groups:
        authority.require_reach(ScopeKind.SELECTED if group else ScopeKind.ALL, [group] if group else [])


def _check(
    action: str, risk: str, approvers: Collection[User], fallbacks: Collection[User], fallback_after_min: int
) -> None:
    if action and not is_known(action):
        raise ValidationError({"action": "There is no such action."})
    if risk and risk not in Risk.values:
        raise ValidationError({"risk": "There is no such class."})
    if action and risk:
        raise ValidationError({"risk": "Either one action or a class of actions."})
    if not approvers:
        raise ValidationError({"approvers": "Name at least one approver."})
    if len(approvers) > MAX_PEOPLE or len(fallbacks) > MAX_PEOPLE:
        raise ValidationError({"approvers": f"At most {MAX_PEOPLE} people."})
    if not 1 <= fallback_after_min <= MAX_MINUTES:
        raise ValidationError({"fallback_after_min": f"Between 1 and {MAX_MINUTES:,} minutes."})
    for field, people in (("approvers", approvers), ("fallbacks", fallbacks)):
        lacking = [str(person) for person in people if not person.holds(keys.DECIDE_RESPONSE)]
        if lacking:
            raise ValidationError({field: f"Without the right to decide: {', '.join(lacking)}."})


def _record(verb: str, rule: ApproverRule, *, actor: Actor, reason: str = "") -> None:
    data = {
        "rule": str(rule),
        "device_group": rule.device_group_id,
        "action": rule.action,
        "risk": rule.risk,
        "approvers": [str(person) for person in rule.approvers.all()],
        "fallbacks": [str(person) for person in rule.fallbacks.all()],
        "fallback_after_min": rule.fallback_after_min,
    }
    audit.record(verb, subject=f"approver_rule:{rule.pk}", actor=actor, reason=reason, data=data)
