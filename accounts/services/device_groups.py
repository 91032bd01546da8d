"""Device groups: name, rule and rank. Every change is announced, because devices may move with it."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, ProtectedError

from accounts import rules
from accounts.models import DeviceGroup
from accounts.scope import Scope
from accounts.services.authority import authority_of
from core import audit, outbox
from core.actors import Actor

CHANGED = "device_groups.changed"
EDITABLE = ("name", "description", "rule")


def create_device_group(
    name: str, *, rule: Mapping[str, Any], actor: Actor, description: str = "", exercise: str = ""
) -> DeviceGroup:
    """A new group below all ranked ones: its administrator moves it up knowingly."""
    _require_whole_reach(actor)
    name = _free_name(name)
    with transaction.atomic():
        last = DeviceGroup.objects.select_for_update().filter(is_default=False).aggregate(Max("rank"))["rank__max"]
        group = DeviceGroup.objects.create(
            name=name,
            description=description.strip(),
            rank=(last or 0) + 1,
            rule=rules.clean_rule(rule),
            exercise=exercise,
        )
        _record("created", group, actor=actor, data={"name": group.name, "rank": group.rank, "rule": group.rule})
    return group


def update_device_group(group: DeviceGroup, *, changes: Mapping[str, Any], actor: Actor) -> DeviceGroup:
    """Change name, description or rule; the default group has no rule."""
    _require_whole_reach(actor)
    wanted = {key: changes[key] for key in EDITABLE if key in changes}
    if len(wanted) != len(changes):
        raise ValidationError("Only name, description and rule can be changed.")
    if "rule" in wanted:
        wanted["rule"] = rules.clean_rule(wanted["rule"])
        if group.is_default and wanted["rule"]:
            raise ValidationError("The default group takes what no rule matches; it has none itself.")
    if "name" in wanted:
        wanted["name"] = _free_name(wanted["name"], besides=group)
    changed = {key: (getattr(group, key), value) for key, value in wanted.items() if getattr(group, key) != value}
    if changed:
        with transaction.atomic():
            for key, (_, value) in changed.items():
                setattr(group, key, value)
            group.save(update_fields=list(changed))
            _record("changed", group, actor=actor, changes=changed)
    return group


def move_device_group(group: DeviceGroup, *, to: int, actor: Actor) -> None:
    """Give the group the rank `to` (1 is the top); the others close up."""
    _require_whole_reach(actor)
    if group.is_default:
        raise ValidationError("The default group is always last.")
    with transaction.atomic():
        others = list(DeviceGroup.objects.select_for_update().filter(is_default=False, retired=False).order_by("rank"))
        before = group.rank
        others = [other for other in others if other.pk != group.pk]
        others.insert(max(0, min(to - 1, len(others))), group)
        _close_up(others)
        if group.rank != before:
            _record("ranked", group, actor=actor, changes={"rank": (before, group.rank)})


def retire_device_group(group: DeviceGroup, *, actor: Actor, reason: str = "") -> None:
    """Delete a group. Its rule matches nothing from now on; the row goes once its devices have found another group,
    so that nobody loses sight of a device in between."""
    _require_whole_reach(actor)
    if group.is_default:
        raise ValidationError("The default group cannot be deleted.")
    with transaction.atomic():
        data = {"name": group.name, "rank": group.rank, "rule": group.rule}
        last = DeviceGroup.objects.select_for_update().filter(is_default=False).aggregate(Max("rank"))["rank__max"]
        group.retired, group.rule, group.rank = True, {}, (last or 0) + 1
        group.name = f"{group.name[:60]} (deleted {group.pk})"
        group.save(update_fields=["retired", "rule", "rank", "name"])
        _close_up(list(DeviceGroup.objects.filter(is_default=False, retired=False).order_by("rank")))
        _record("deleted", group, actor=actor, reason=reason, data=data)


def forget_retired(**_payload: Any) -> None:
    """Listener of `device_groups.changed`, after the devices were matched anew: remove what nothing belongs to."""
    for group in DeviceGroup.objects.filter(retired=True):
        try:
            with transaction.atomic():
                group.delete()
        except ProtectedError:
            continue  # a device still belongs to it; the next change of any group tries again


def _close_up(groups: list[DeviceGroup]) -> None:
    for rank, group in enumerate(groups, start=1):
        group.rank = rank
    DeviceGroup.objects.bulk_update(groups, ["rank"])


def _free_name(name: str, besides: DeviceGroup | None = None) -> str:
    name = name.strip()
    if not name:
        raise ValidationError({"name": "A group needs a name."})
    taken = DeviceGroup.objects.filter(name__iexact=name)
    if (taken.exclude(pk=besides.pk) if besides else taken).exists():
        raise ValidationError({"name": "There is a device group of this name already."})
    return name


def _require_whole_reach(actor: Actor) -> None:
    """A rule moves devices between other people's scopes, so only somebody who sees them all may change one."""
    if authority_of(actor).scope != Scope(True):
        raise ValidationError("Only somebody who sees all device groups can change them.", code="escalation")


def _record(what: str, group: DeviceGroup, *, actor: Actor, **more: Any) -> None:
    audit.record(f"device_group.{what}", subject=f"device_group:{group.pk}", actor=actor, **more)
    outbox.publish(CHANGED)
