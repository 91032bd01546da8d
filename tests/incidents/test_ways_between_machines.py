"""The way of an attack from machine to machine, as the graph of its incident draws it."""

from datetime import UTC, timedelta
from typing import Any

import pytest

from accounts.models import DeviceGroup, User
from core import clock
from incidents.enums import CorrelationReason
from incidents.graph import graph_of
from incidents.models import Alert, CorrelationLink, Device, Identity, Incident
from incidents.story import story_of
from tests.factories.incidents import AlertFactory, DeviceFactory, IdentityFactory, IncidentFactory, evidence

pytestmark = pytest.mark.django_db
MOVED, ALIKE = CorrelationReason.LATERAL_MOVEMENT_PATH, CorrelationReason.SAME_THREAT_SOURCE


@pytest.fixture
def incident() -> Incident:
    return IncidentFactory.create(severity="high")


def alert_on(incident: Incident, device: Device, *others: Identity, minute: int, **fields: Any) -> Alert:
    at = clock.now() + timedelta(minutes=minute)
    alert = AlertFactory.create(incident=incident, first_activity=at, last_activity=at, severity="high",
                                device_group_ids=[device.device_group_id], **fields)  # fmt: skip
    for entity in (device, *others):
        evidence(alert, entity)
    return alert


def joined(alert: Alert, other: Alert, reason: str, **fields: Any) -> None:
    assert alert.incident is not None
    CorrelationLink.objects.create(
        alert=alert, incident=alert.incident, other_alert=other, reason=reason, rule="r", **fields
    )


def between_machines(incident: Incident, user: User) -> list[tuple[str, str, str, str]]:
    """From, to, word (without its time) and look of each line from one device to another."""
    told = graph_of(story_of(incident, user), incident, zone=UTC, now=clock.now())
    names = {node["id"]: node["label"] for node in told["nodes"] if node["kind"] == "device"}
    return [
        (names[edge["source"]], names[edge["target"]], edge["label"].rpartition(" ")[0], edge["look"])
        for edge in told["edges"] if edge["source"] in names and edge["target"] in names
    ]  # fmt: skip


def test_machines_that_share_a_threat_are_joined_in_the_order_they_were_hit(incident: Incident, ada: User) -> None:
    first, second, third = DeviceFactory.create_batch(3)
    alerts = [alert_on(incident, device, minute=at) for at, device in enumerate((first, second, third))]
    joined(alerts[1], alerts[0], ALIKE)
    joined(alerts[1], alerts[2], ALIKE)  # the later alert came in before the earlier one
    assert between_machines(incident, ada) == [
        (first.display_name, second.display_name, "then", "way"),
        (second.display_name, third.display_name, "then", "way"),
    ]


def test_where_an_account_moved_says_more_than_what_is_alike(incident: Incident, ada: User) -> None:
    first, second, third = DeviceFactory.create_batch(3)
    alerts = [alert_on(incident, device, minute=at) for at, device in enumerate((first, second, third))]
    joined(alerts[2], alerts[0], ALIKE)
    joined(alerts[2], alerts[1], MOVED)
    assert between_machines(incident, ada) == [(second.display_name, third.display_name, "moves on", "hot")]


def test_an_account_that_is_drawn_going_to_both_is_not_told_twice(incident: Incident, ada: User) -> None:
    stolen, devices = IdentityFactory.create(), DeviceFactory.create_batch(2)
    alerts = [alert_on(incident, device, stolen, minute=at, categories=["LateralMovement"])
              for at, device in enumerate(devices)]  # fmt: skip
    joined(alerts[1], alerts[0], ALIKE)
    assert between_machines(incident, ada) == []


@pytest.mark.parametrize("fields", [{"undone": clock.now()}, {"reason": CorrelationReason.TEMPORAL_PROXIMITY}])
def test_what_was_taken_back_or_only_near_is_no_way(fields: dict[str, Any], incident: Incident, ada: User) -> None:
    first, second = DeviceFactory.create_batch(2)
    before, after = alert_on(incident, first, minute=0), alert_on(incident, second, minute=1)
    joined(after, before, fields.pop("reason", ALIKE), **fields)
    assert between_machines(incident, ada) == []


def test_a_machine_out_of_scope_is_the_end_of_no_way(
    incident: Incident, eve: User, elsewhere: DeviceGroup, ada: User
) -> None:
    hidden, mine = DeviceFactory.create(), DeviceFactory.create(device_group=elsewhere)
    before, after = alert_on(incident, hidden, minute=0), alert_on(incident, mine, minute=1)
    Incident.objects.update(device_group_ids=[hidden.device_group_id, elsewhere.pk])
    joined(after, before, MOVED)
    incident.refresh_from_db()
    assert len(between_machines(incident, ada)) == 1
    assert between_machines(incident, eve) == []
