from typing import Any

import pytest

from accounts.models import DeviceGroup
from incidents.models import Alert, Device, Incident
from incidents.services.device_groups import match_group, rematch_devices
from incidents.services.facts import DeviceFacts
from tests.factories.people import DeviceGroupFactory
from tests.factories.wire import SENSOR, correlated, device, graph_alert, take_in, user

pytestmark = pytest.mark.django_db
SERVER = DeviceFacts(dns_name="FILE-SRV-02.corp.example", host_name="FILE-SRV-02", domain="corp.example",
                     os_platform="WindowsServer2022", tags=("Tier0",))  # fmt: skip


def rule(**conditions: tuple[str, list[str]]) -> dict[str, Any]:
    return {name: {"operator": operator, "values": values} for name, (operator, values) in conditions.items()}


@pytest.mark.parametrize(
    "matching",
    [
        rule(name=("startswith", ["file-"])),
        rule(name=("equals", ["nothing", "file-srv-02"])),
        rule(name=("contains", ["SRV"])),
        rule(domain=("endswith", [".example"])),
        rule(tag=("equals", ["tier0"])),
        rule(os=("startswith", ["windowsserver"])),
        rule(name=("startswith", ["file-"]), tag=("contains", ["tier"])),
    ],
)
def test_a_rule_matches_whatever_the_case(matching: dict[str, Any]) -> None:
    group = DeviceGroupFactory.create(rule=matching)
    assert match_group(SERVER) == group.pk


@pytest.mark.parametrize("missing", [rule(name=("startswith", ["file-"]), tag=("equals", ["other"])), rule(), {}])
def test_every_property_must_match_and_no_rule_matches_nothing(missing: dict[str, Any]) -> None:
    DeviceGroupFactory.create(rule=missing)
    assert match_group(SERVER) == DeviceGroup.objects.get(is_default=True).pk


def test_the_highest_rank_wins() -> None:
    DeviceGroupFactory.create(rank=900, rule=rule(name=("contains", ["srv"])))
    first = DeviceGroupFactory.create(rank=800, rule=rule(name=("contains", ["file"])))
    assert match_group(SERVER) == first.pk


def test_groups_of_an_exercise_take_only_its_devices() -> None:
    drill = DeviceGroupFactory.create(rule=rule(name=("contains", ["srv"])), exercise="drill")
    assert match_group(SERVER) != drill.pk
    assert match_group(SERVER, exercise="drill") == drill.pk


def test_a_device_that_an_alert_names_first_finds_its_group() -> None:
    group = DeviceGroupFactory.create(rule=rule(name=("startswith", ["fin-"])))
    incident = correlated(graph_alert(device(), user()))[0]
    assert Device.objects.get().device_group == group
    assert Alert.objects.get().device_group_ids == incident.device_group_ids == [group.pk]
    assert not incident.open_to_all


def test_devices_alerts_and_incidents_follow_a_changed_rule() -> None:
    take_in(graph_alert(device("lab-1")))
    incident = correlated(graph_alert(device()), graph_alert(device("hr-1")))[0]
    group = DeviceGroupFactory.create(rule=rule(name=("startswith", ["fin-"])))
    assert rematch_devices(SENSOR) == 1
    assert rematch_devices(SENSOR) == 0
    incident.refresh_from_db()
    assert Device.objects.get(device_group=group).key == "fin-ws-014.corp.example"
    assert Alert.objects.filter(device_group_ids=[group.pk]).count() == 1
    assert incident.device_group_ids == [group.pk]
    assert Incident.objects.exclude(device_group_ids__contains=[group.pk]).count() == 2
