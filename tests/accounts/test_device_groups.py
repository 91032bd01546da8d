"""Device groups: rank, rule, and that every change is announced."""

import pytest
from django.core.exceptions import ValidationError

from accounts import rules
from accounts.models import DeviceGroup, User
from accounts.services.device_groups import (
    create_device_group,
    forget_retired,
    move_device_group,
    retire_device_group,
    update_device_group,
)
from core.models import AuditEvent, OutboxEvent
from tests.factories.people import person

RULE = {"name": {"operator": "startswith", "values": ["fin-"]}}


@pytest.fixture
def groups(adam: User) -> list[DeviceGroup]:
    return [create_device_group(name, rule=RULE, actor=adam.actor) for name in ("One", "Two", "Three")]


def order() -> list[tuple[int, str]]:
    return list(DeviceGroup.objects.filter(is_default=False).order_by("rank").values_list("rank", "name"))


def test_a_new_group_ranks_below_the_others_and_above_the_default(groups: list[DeviceGroup]) -> None:
    assert order() == [(1, "One"), (2, "Two"), (3, "Three")]
    assert DeviceGroup.objects.order_by("rank").last() == DeviceGroup.objects.get(is_default=True)


@pytest.mark.parametrize(
    ("to", "wanted"), [(1, "Three One Two"), (2, "One Three Two"), (99, "One Two Three"), (0, "Three One Two")]
)
def test_a_moved_group_takes_its_rank_and_the_others_close_up(
    groups: list[DeviceGroup], adam: User, to: int, wanted: str
) -> None:
    move_device_group(groups[2], to=to, actor=adam.actor)
    assert [name for _, name in order()] == wanted.split()
    assert [rank for rank, _ in order()] == [1, 2, 3]


def test_every_change_is_audited_and_announced(groups: list[DeviceGroup], adam: User) -> None:
    OutboxEvent.objects.all().delete()
    move_device_group(groups[2], to=1, actor=adam.actor)
    update_device_group(groups[0], changes={"rule": {"tag": {"operator": "equals", "values": ["x"]}}}, actor=adam.actor)
    retire_device_group(groups[1], actor=adam.actor, reason="Merged")
    assert OutboxEvent.objects.filter(topic="device_groups.changed").count() == 3
    verbs = AuditEvent.objects.order_by("id").values_list("verb", flat=True)
    assert list(verbs)[-3:] == ["device_group.ranked", "device_group.changed", "device_group.deleted"]


def test_a_deleted_group_stays_until_its_devices_have_moved(groups: list[DeviceGroup], adam: User) -> None:
    retire_device_group(groups[0], actor=adam.actor)
    assert DeviceGroup.objects.get(pk=groups[0].pk).rule == {}
    assert [rank for rank, _ in order()][:2] == [1, 2]
    forget_retired()
    assert not DeviceGroup.objects.filter(pk=groups[0].pk).exists()


def test_the_name_of_a_deleted_group_is_free_at_once(groups: list[DeviceGroup], adam: User) -> None:
    retire_device_group(groups[0], actor=adam.actor)
    assert create_device_group("One", rule=RULE, actor=adam.actor).name == "One"


def test_the_default_group_is_last_and_stays(adam: User) -> None:
    default = DeviceGroup.objects.get(is_default=True)
    with pytest.raises(ValidationError, match="always last"):
        move_device_group(default, to=1, actor=adam.actor)
    with pytest.raises(ValidationError, match="cannot be deleted"):
        retire_device_group(default, actor=adam.actor)
    with pytest.raises(ValidationError, match="none itself"):
        update_device_group(default, changes={"rule": RULE}, actor=adam.actor)


def test_only_somebody_who_sees_everything_changes_groups(elsewhere: DeviceGroup) -> None:
    local = person("local", "admin", groups=[elsewhere])
    with pytest.raises(ValidationError, match="sees all device groups"):
        create_device_group("Mine", rule=RULE, actor=local.actor)


@pytest.mark.parametrize(
    "rule",
    [
        [],
        {"colour": {"operator": "equals", "values": ["red"]}},
        {"name": {"operator": "matches", "values": ["a"]}},
        {"name": {"operator": "equals", "values": []}},
        {"name": {"operator": "equals", "values": ["x"] * 2 + [str(n) for n in range(10)]}},
        {"name": {"operator": "equals", "values": ["x" * 101]}},
        {"name": {"operator": "equals", "values": [1]}},
        {"name": {"operator": "equals", "values": ["a\x00b"]}},
        {"name": {"operator": "equals"}},
    ],
)
def test_a_rule_has_one_shape(rule: object) -> None:
    with pytest.raises(ValidationError):
        rules.clean_rule(rule)


def test_a_rule_in_words() -> None:
    rule = rules.clean_rule(
        {
            "tag": {"operator": "equals", "values": ["server"]},
            "name": {"operator": "startswith", "values": ["fin-", "hr-", "fin-"]},
        }
    )
    assert rules.in_words(rule) == "Name starts with fin- or hr-, and Tag is server"
