"""Which things the attack story draws."""

import pytest

from accounts.models import User
from incidents.models import Device, Incident
from incidents.story import story_of
from tests.factories.incidents import DeviceFactory, evidence, incident_about

pytestmark = pytest.mark.django_db


def story_with(address: str, *devices: Device) -> Incident:
    incident = incident_about(*devices)
    evidence(incident.alerts.get(), type="ip", display=address, key=f"ip:{address}")
    return incident


def kinds(incident: Incident, user: User) -> list[str]:
    return sorted(node.kind for node in story_of(incident, user).nodes.values())


def test_the_internal_address_of_a_device_is_the_device(ada: User) -> None:
    device = DeviceFactory.create(ip_addresses=["10.20.4.17"])
    incident = story_with("10.20.4.17", device)
    assert kinds(incident, ada) == ["device"]
    story = story_of(incident, ada)
    assert [item.display for item in story.evidence_of(f"device-{device.pk}")] == [device.display_name, "10.20.4.17"]


@pytest.mark.parametrize("address", ["10.20.4.99", "203.0.113.77", "not an address"])
def test_any_other_address_is_a_thing_of_its_own(ada: User, address: str) -> None:
    device = DeviceFactory.create(ip_addresses=["10.20.4.17"])
    assert kinds(story_with(address, device), ada) == ["device", "ip"]


def test_a_public_address_is_not_its_device(ada: User) -> None:
    device = DeviceFactory.create(ip_addresses=["93.184.216.34"])
    assert kinds(story_with("93.184.216.34", device), ada) == ["device", "ip"]


def test_an_address_of_two_devices_is_neither(ada: User) -> None:
    devices = [DeviceFactory.create(ip_addresses=["10.0.0.1"]) for _ in range(2)]
    assert kinds(story_with("10.0.0.1", *devices), ada) == ["device", "device", "ip"]
