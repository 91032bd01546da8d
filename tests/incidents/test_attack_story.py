"""Which things the attack story draws."""

from datetime import UTC, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from core import clock
from incidents.assets import shown_coverage
from incidents.graph import graph_of
from incidents.models import Device, Incident
from incidents.story import story_of
from tests.conftest import SignedIn
from tests.factories.incidents import AlertFactory, DeviceFactory, IncidentFactory, evidence, incident_about

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


COMMAND = "/usr/bin/python3 -P /var/tmp/.helpful/encrypt"


def lab_story(*devices: Device, severity: str = "high") -> Incident:
    """The same program, started by the same command line, on each of the devices."""
    incident = incident_about(alerts=len(devices), severity=severity)
    for alert, device in zip(incident.alerts.order_by("pk"), devices, strict=True):
        evidence(alert, device)
        evidence(alert, type="process", display=COMMAND, key="command:1", device=device)
    return incident


def drawn(incident: Incident, user: User) -> list[dict[str, Any]]:
    told = graph_of(story_of(incident, user), incident, zone=UTC, now=clock.now())
    return list(told["nodes"])


def test_one_command_line_on_three_machines_is_three_processes(ada: User) -> None:
    nodes = drawn(lab_story(*DeviceFactory.create_batch(3)), ada)
    assert len([node for node in nodes if node["kind"] == "process"]) == 3


def test_a_process_that_two_alerts_of_a_machine_name_is_one(ada: User) -> None:
    device = DeviceFactory.create()
    assert kinds(lab_story(device, device), ada) == ["device", "process"]


def test_a_process_is_known_by_its_program_and_its_machine(ada: User) -> None:
    devices = DeviceFactory.create_batch(2)
    found = [node for node in drawn(lab_story(*devices), ada) if node["kind"] == "process"]
    assert {(node["label"], node["name"]) for node in found} == {("python3 -P …/encrypt", COMMAND)}
    assert {node["state"] for node in found} == {f"process on {device.display_name}" for device in devices}


def test_what_happened_on_a_machine_out_of_scope_is_not_told_of_the_one_in_scope(ada: User, eve: User) -> None:
    mine, theirs = DeviceFactory.create(device_group=DeviceGroup.objects.get(name="Elsewhere")), DeviceFactory.create()
    incident = incident_about(mine, theirs)
    alert = incident.alerts.get()
    evidence(alert, type="process", display=COMMAND, key="command:1")
    Device.objects.update(ip_addresses=["10.0.0.1"])
    evidence(alert, type="ip", display="10.0.0.1", key="ip:10.0.0.1")
    Incident.objects.update(device_group_ids=[mine.device_group_id, theirs.device_group_id])
    incident.alerts.update(device_group_ids=[mine.device_group_id, theirs.device_group_id])
    for person, devices in ((ada, {mine, theirs}), (eve, {mine})):
        story = story_of(incident, person)
        assert set(story.devices) == devices
        assert {node.kind for node in story.nodes.values()} >= {"process", "ip"}
        assert "process on" not in str([node["state"] for node in drawn(incident, person) if node["kind"] == "process"])


@pytest.mark.parametrize(("severity", "look"), [("high", "bad"), ("low", "")])
def test_an_asset_that_the_page_calls_not_contained_is_drawn_as_open(severity: str, look: str, ada: User) -> None:
    incident = lab_story(DeviceFactory.create(), severity=severity)
    assert bool(shown_coverage(incident, ada)) == (look == "bad")
    assert {node["look"] for node in drawn(incident, ada) if node["kind"] == "device"} == {look}


def test_what_holds_it_comes_first(ada: User) -> None:
    device = DeviceFactory.create(mitigation={"network": {"state": "isolated", "active": True}})
    assert [node["look"] for node in drawn(lab_story(device), ada) if node["kind"] == "device"] == ["safe"]


def test_what_a_sensor_finds_suspicious_has_a_colour_of_its_own(ada: User) -> None:
    incident = lab_story(DeviceFactory.create(), severity="low")
    evidence(incident.alerts.get(), type="file", display="dropper", key="path:1", verdict="suspicious")
    assert {node["label"]: node["look"] for node in drawn(incident, ada)}["dropper"] == "warn"


@pytest.mark.parametrize(("role", "deed"), [("edited", "changes"), ("loaded", "runs"), ("created", "creates")])
def test_a_line_says_what_a_process_did_with_a_file(role: str, deed: str, ada: User) -> None:
    incident = lab_story(DeviceFactory.create())
    evidence(incident.alerts.get(), type="file", display="report", key="path:1", roles=[role])
    edges = graph_of(story_of(incident, ada), incident, zone=UTC, now=clock.now())["edges"]
    assert any(edge["label"].startswith(deed) for edge in edges)


def test_the_list_marks_where_the_attack_comes_to_another_machine(
    client: Client, signed_in: SignedIn, ada: User
) -> None:
    first, second = DeviceFactory.create_batch(2)
    incident = IncidentFactory.create()
    for at, device in enumerate((first, first, second)):
        alert = AlertFactory.create(incident=incident, title=f"step {at}",
                                    first_activity=clock.now() + timedelta(minutes=at))  # fmt: skip
        evidence(alert, device)
    steps = signed_in(client, ada).get(f"/incidents/{incident.pk}/panels/story/").context["steps"]
    assert [(step["place"].label, step["elsewhere"]) for step in steps] == [
        (first.display_name, True), (first.display_name, False), (second.display_name, True),
    ]  # fmt: skip
