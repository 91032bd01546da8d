"""Whether somebody can decide in time, and whether what everything hangs on is known and protected."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Q

from accounts import keys
from accounts.enums import UserKind
from accounts.models import DeviceGroup, User
from core.readiness import Check, Finding, Group, Look, Row, State, declare, listed
from core.wording import counted
from incidents.enums import Criticality, EntityKind
from incidents.readiness import devices_for
from remediation.catalog import Action, all_actions
from remediation.enums import MatchBy
from remediation.models import ActionRun, ApproverRule, ProtectedAsset
from remediation.policy import approvers
from remediation.policy.decidable import reasons_not_to_decide
from remediation.policy.protection import matches
from remediation.policy.targets import MODELS, needs_approval
from remediation.services.approver_rules import MAX_MINUTES
from remediation.services.suggest_protection import key_devices

# So long after the request the fallback approvers may decide as well.
AT_LAST = timedelta(minutes=MAX_MINUTES + 1)
MOST_ADDRESSED = 5_000


def _approvers(look: Look) -> Finding:
    """Two for each kind of action in each device group: one who asks, or is ill, leaves one."""
    rules, team = approvers.approver_rules(), _deciders()
    drafts = list(_drafts(look, rules))
    may: dict[int, list[User]] = {draft.pk: [] for draft, _ in drafts}
    for person in team:
        refused = reasons_not_to_decide([draft for draft, _ in drafts], person, rules)
        for draft, _ in drafts:
            if draft.pk not in refused:
                may[draft.pk].append(person)
    thin = sorted(((len(may[draft.pk]), words, may[draft.pk]) for draft, words in drafts), key=lambda one: one[:2])
    thin = [one for one in thin if one[0] < 2]
    rows, more = listed([
        Row(words, f"Only {found[0]} may decide" if found else "Nobody may decide", "/admin/approvers/")
        for _, words, found in thin
    ])  # fmt: skip
    fine = len(drafts) - len(thin)
    state = State.OK if not thin else State.WARN if thin[0][0] else State.MISSING
    sentence = f"In {fine} of {counted(len(drafts), 'case')} (device group and kind of action) two people may decide."
    return Finding(state, sentence, fine, len(drafts), rows, more)


def _deciders() -> list[User]:
    held = User.objects.filter(
        is_active=True, kind=UserKind.PERSON, roles__permissions__contains=[keys.DECIDE_RESPONSE]
    )
    return list(held.distinct().prefetch_related("roles").order_by("display_name", "pk"))


def _drafts(look: Look, rules: Iterable[ApproverRule]) -> Iterator[tuple[ActionRun, str]]:
    """A request of each kind in each group, as policy would be asked about it long after it was made."""
    groups: list[DeviceGroup | None] = list(DeviceGroup.objects.filter(retired=False))
    if look.reader is not None:
        groups = [group for group in groups if group is not None and look.reader.scope.covers(group.pk)]
    number = 0
    for action, label in _classes(rules):
        of_devices = action.target_kind == EntityKind.DEVICE
        for group in groups if of_devices else [None]:
            number -= 1
            draft = ActionRun(
                action=action.key, target_kind=action.target_kind, facet=action.facet, created=look.now - AT_LAST,
                device_group_ids=[group.pk] if group else [],
            )  # fmt: skip
            draft.pk = number  # never saved; tells the drafts apart
            yield draft, f"{group}: {label}" if group else label


def _classes(rules: Iterable[ApproverRule]) -> list[tuple[Action, str]]:
    """One action for all that policy treats alike: the same kind of target, rights and impact, and no rule of its
    own."""
    own = {rule.action for rule in rules if rule.action}
    found: dict[tuple[Any, ...], tuple[Action, str]] = {}
    for action in all_actions():
        # What administrators alone may decide (a device leaves the portal) is not for the bad night.
        if not needs_approval(action) or keys.MANAGE_SETTINGS in action.decide_permissions:
            continue
        alike = (str(action.target_kind), action.risk, action.decide_permissions, action.key in own and action.key)
        words = action.label if action.key in own else f"{action.risk.label.lower()}, {action.target_kind} actions"
        found.setdefault(alike, (action, words))
    return list(found.values())


def _protected_deciders(look: Look) -> Finding:
    holders = [one for one in _deciders() if one.holds(keys.DECIDE_PROTECTED)]
    rows, more = listed([Row(str(one)) for one in holders])
    state = State.OK if len(holders) > 1 else State.WARN if holders else State.MISSING
    sentence = f"{counted(len(holders), 'person', 'people')} may decide on actions on protected assets."
    return Finding(state, sentence, min(len(holders), 2), 2, rows, more)


def _key_devices(look: Look) -> Finding:
    assets = list(ProtectedAsset.objects.filter(target_kind=EntityKind.DEVICE))
    found = [(one, *_marks(one.target, assets)) for one in key_devices(devices_for(look))]
    bare = [(one, marked, shielded) for one, marked, shielded in found if not (marked and shielded)]
    rows, more = listed([
        Row(str(one.target), f"{one.why} {_lacks(marked, shielded)}.", f"/devices/{one.target.pk}/")
        for one, marked, shielded in sorted(bare, key=lambda each: (each[1] or each[2], str(each[0].target)))
    ])  # fmt: skip
    fine, total = len(found) - len(bare), len(found)
    if not total:
        return Finding(State.WARN, "No device is known by its name or tags as one that others hang on.", 0, 0)
    naked = any(not marked and not shielded for _, marked, shielded in bare)
    state = State.OK if not bare else State.MISSING if naked else State.WARN
    sentence = f"{fine} of {counted(total, 'device')} that others hang on have a criticality and stand on the list."
    return Finding(state, sentence, fine, total, rows, more)


def _marks(target: Any, assets: Iterable[ProtectedAsset]) -> tuple[bool, bool]:
    return target.criticality != Criticality.NONE, any(matches(asset, target) for asset in assets)


def _lacks(marked: bool, shielded: bool) -> str:
    if marked:
        return "Not protected"
    return "Without criticality" if shielded else "Neither criticality nor protection"


def _protections(_look: Look) -> Finding:
    """A pattern that means nothing protects nothing: a name was misspelt, or the machine is gone."""
    assets = list(ProtectedAsset.objects.all())
    if not assets:
        return Finding(State.MISSING, "Nothing is protected.", 0, 0)
    idle = [asset for asset in assets if not _means_something(asset)]
    rows, more = listed([
        Row(asset.rule_in_words, f"{asset.get_kind_display()}: nothing known is meant", "/admin/protected/")
        for asset in idle
    ])  # fmt: skip
    fine = len(assets) - len(idle)
    sentence = f"{fine} of {counted(len(assets), 'entry', 'entries')} of the list mean something that is known."
    state = State.OK if not idle else State.WARN if fine else State.MISSING
    return Finding(state, sentence, fine, len(assets), rows, more)


def _means_something(asset: ProtectedAsset) -> bool:
    rows = MODELS[asset.target_kind]._default_manager.all()
    if asset.match_by == MatchBy.ENTITY:
        return rows.filter(pk=asset.target_id or 0).exists()
    if asset.match_by == MatchBy.NAME:
        likely = "^" + "".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in asset.pattern) + "$"
        rows = rows.filter(_named(asset.target_kind, likely))
    elif asset.match_by == MatchBy.TAG:
        of_role = Q(category__iexact=asset.pattern) if asset.target_kind == EntityKind.DEVICE else Q()
        rows = rows.filter(~Q(tags=[]) | of_role) if of_role else rows.exclude(tags=[])
    return any(matches(asset, row) for row in rows.order_by("pk")[:MOST_ADDRESSED].iterator())


def _named(kind: str, likely: str) -> Q:
    names = {
        EntityKind.DEVICE: ("host_name",),
        EntityKind.IDENTITY: ("account_name", "upn"),
        EntityKind.MAILBOX: ("upn", "primary_address"),
    }
    found = Q()
    for name in ("key", "display_name", *names.get(EntityKind(kind), ())):
        found |= Q(**{f"{name}__iregex": likely})
    if kind == EntityKind.DEVICE:
        found |= ~Q(aliases=[])
    return found


def declare_checks() -> None:
    settings, authorization = keys.MANAGE_SETTINGS, keys.MANAGE_AUTHORIZATION
    declare(Check(
        "second_approver", "A second approver everywhere", Group.RESPONSE,
        "Who asks cannot approve. Where one person alone may decide, nothing is isolated on the night they are away.",
        _approvers, "/admin/approvers/", "Approvers", authorization, order=10,
    ))  # fmt: skip
    declare(Check(
        "protected_deciders", "Two who decide on protected assets", Group.RESPONSE,
        "A domain controller that must be cut off waits for the stronger right.",
        _protected_deciders, "/admin/users/", "People", authorization, whole=True, order=20,
    ))  # fmt: skip
    declare(Check(
        "key_devices", "Domain controllers, DNS, gateways, backup servers", Group.DATA,
        "What everything hangs on comes first in the queue, and is not isolated by mistake.",
        _key_devices, "/admin/protected/", "Protected assets", settings, order=10,
    ))  # fmt: skip
    declare(Check(
        "protections", "Protected assets mean something", Group.RESPONSE,
        "An entry whose name fits no machine gives comfort and no protection.",
        _protections, "/admin/protected/", "Protected assets", settings, rows_for=settings, whole=True, order=30,
    ))  # fmt: skip
