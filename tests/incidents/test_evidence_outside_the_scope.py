"""A visible alert says the names of all in it; facts, links and actions stay with those who may see the thing."""

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from incidents.models import Device, Incident
from tests.conftest import SignedIn
from tests.factories.incidents import DeviceFactory, IdentityFactory, incident_about
from tests.factories.people import DeviceGroupFactory

pytestmark = pytest.mark.django_db
SECRET_FACT = "198.51.100.77"


@pytest.fixture
def hidden() -> Device:
    """A device that eve may not see, in an alert that she may."""
    return DeviceFactory.create(device_group=DeviceGroupFactory.create(), ip_addresses=[SECRET_FACT])


@pytest.fixture
def incident(elsewhere: DeviceGroup, hidden: Device) -> Incident:
    return incident_about(DeviceFactory.create(device_group=elsewhere), hidden, IdentityFactory.create())


def test_a_device_outside_the_scope_has_no_pane_in_the_story(
    client: Client, eve: User, ada: User, signed_in: SignedIn, incident: Incident, hidden: Device
) -> None:
    pane = f"/incidents/{incident.pk}/nodes/device-{hidden.pk}/"
    assert signed_in(client, eve).get(pane).status_code == 404
    assert SECRET_FACT in signed_in(client, ada).get(pane).content.decode()


def test_the_drawing_shows_its_name_and_none_of_its_facts(
    client: Client, eve: User, signed_in: SignedIn, incident: Incident, hidden: Device
) -> None:
    nodes = signed_in(client, eve).get(f"/incidents/{incident.pk}/graph.json").json()["nodes"]
    named = [node for node in nodes if node["label"] == hidden.display_name]
    assert [node["id"].startswith("e") for node in named] == [True]
    pane = client.get(named[0]["url"]).content.decode()
    assert hidden.display_name in pane
    assert SECRET_FACT not in pane
    assert "/actions/ask/" not in pane


def test_evidence_of_it_leads_nowhere(
    client: Client, eve: User, signed_in: SignedIn, incident: Incident, hidden: Device
) -> None:
    signed_in(client, eve)
    alert = incident.alerts.get()
    for address in (f"/alerts/{alert.pk}/", f"/incidents/{incident.pk}/panels/evidence/"):
        page = client.get(address).content.decode()
        assert hidden.display_name in page
        assert f"/devices/{hidden.pk}/" not in page
