"""Who sees a run follows the devices it touches, also when these change their group."""

import pytest

from accounts.models import DeviceGroup, User
from accounts.services.device_groups import retire_device_group, update_device_group
from core import outbox
from remediation.models import ActionRun
from tests.factories.people import DeviceGroupFactory
from tests.factories.remediation import Company, FileFactory, ask, company, saw

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> Company:
    return company()


def named(*names: str) -> dict[str, object]:
    return {"name": {"operator": "equals", "values": list(names)}}


def sees(user: User, run: ActionRun) -> bool:
    return ActionRun.objects.visible_to(user).filter(pk=run.pk).exists()


def test_a_run_follows_its_device_into_another_group(
    ada: User, adam: User, eve: User, elsewhere: DeviceGroup, world: Company
) -> None:
    device = world.device()
    run = ask(ada, "device.isolate", device)
    assert not sees(eve, run)
    update_device_group(elsewhere, changes={"rule": named(device.display_name.lower())}, actor=adam.actor)
    outbox.deliver()
    assert sees(eve, run)
    update_device_group(elsewhere, changes={"rule": named("another")}, actor=adam.actor)
    outbox.deliver()
    assert not sees(eve, run)


def test_a_file_action_is_seen_by_the_groups_of_all_its_devices(
    ada: User, adam: User, eve: User, elsewhere: DeviceGroup, world: Company
) -> None:
    file, devices = FileFactory.create(), [world.device(), world.device()]
    saw(file, *devices)
    run = ask(ada, "file.quarantine", file)
    update_device_group(elsewhere, changes={"rule": named(devices[0].display_name.lower())}, actor=adam.actor)
    outbox.deliver()
    run.refresh_from_db()
    devices[0].refresh_from_db()
    assert run.device_group_ids == sorted({devices[0].device_group_id, devices[1].device_group_id})
    assert sees(eve, run)
    assert sees(eve, run.children.get(target_id=devices[0].pk))
    assert not sees(eve, run.children.get(target_id=devices[1].pk))


def test_a_deleted_group_leaves_no_run_behind(ada: User, adam: User, world: Company) -> None:
    device = world.device(group=DeviceGroupFactory.create())
    run = ask(ada, "device.isolate", device)
    retire_device_group(device.device_group, actor=adam.actor)
    outbox.deliver()
    run.refresh_from_db()
    assert run.device_group_ids == [DeviceGroup.objects.get(is_default=True).pk]
