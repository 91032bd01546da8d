"""Lists and pages of entities, search, what waits, the overview."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from incidents.enums import Criticality
from incidents.services.restrict import restrict_incident
from tests.conftest import SignedIn
from tests.factories.incidents import (
    DeviceFactory,
    FileFactory,
    IdentityFactory,
    IncidentFactory,
    MailboxFactory,
    evidence,
    incident_about,
)

pytestmark = pytest.mark.django_db
LISTS: dict[str, Any] = {
    "devices": DeviceFactory,
    "identities": IdentityFactory,
    "files": FileFactory,
    "mailboxes": MailboxFactory,
}


@pytest.fixture
def desk(client: Client, ada: User, signed_in: SignedIn) -> Client:
    return signed_in(client, ada)


@pytest.mark.parametrize("path", LISTS)
def test_each_list_and_page_opens_and_costs_a_fixed_number_of_queries(desk: Client, path: str) -> None:
    rows = LISTS[path].create_batch(12)
    incident_about(rows[0], alerts=3)
    with CaptureQueriesContext(connection) as queries:
        page = desk.get(f"/{path}/").content.decode()
    assert len(queries) <= 13
    assert rows[11].display_name in page
    with CaptureQueriesContext(connection) as queries:
        assert desk.get(f"/{path}/{rows[0].pk}/").status_code == 200
    assert len(queries) <= 26
    assert desk.get(f"/{path}/export.csv").status_code == 200


def test_an_entity_is_not_listed_among_what_was_seen_of_itself(desk: Client) -> None:
    device = DeviceFactory.create()
    incident = incident_about(device, alerts=3)
    assert "What was seen" not in desk.get(f"/devices/{device.pk}/").content.decode()
    first, *_, last = incident.alerts.order_by("pk")
    evidence(first, type="process", display="python -P encrypt", key="command:1", device=device)
    evidence(last, device, verdict="malicious")
    seen = desk.get(f"/devices/{device.pk}/").context["sightings"]
    assert [(row["evidence"].type, row["times"]) for row in seen] == [("device", 1), ("process", 1)]


def test_a_device_is_found_by_name_and_by_address(desk: Client) -> None:
    DeviceFactory.create(display_name="LAB-7", ip_addresses=["10.1.2.3"])
    DeviceFactory.create(display_name="OTHER")
    for query in ("lab", "10.1.2.3"):
        assert [row["entity"].display_name for row in desk.get(f"/devices/?q={query}").context["rows"]] == ["LAB-7"]


def test_describing_a_device_is_told_in_its_history(desk: Client) -> None:
    device = DeviceFactory.create()
    filled = {"tags": "vip, lab", "criticality": "high", "value": "high"}
    assert desk.post(f"/devices/{device.pk}/describe/", filled).status_code == 302
    device.refresh_from_db()
    assert (device.tags, device.criticality, device.value) == (["vip", "lab"], Criticality.HIGH, "high")


def test_eve_finds_no_device_of_another_group(client: Client, eve: User, signed_in: SignedIn) -> None:
    device = DeviceFactory.create(display_name="LAB-7")
    signed_in(client, eve)
    assert client.get("/devices/").context["rows"] == []
    assert client.get(f"/devices/{device.pk}/").status_code == 404
    assert "LAB-7" not in client.get("/devices/export.csv").getvalue().decode()
    assert client.get("/search/?q=lab").context["total"] == 0


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("spreads", {"Incidents"}),
        ("LAB-7", {"Incidents", "Devices", "Alerts"}),
        ("lab-7.corp.example", {"Incidents", "Devices", "Alerts"}),
        ("10.1.2.3", {"Incidents", "Devices", "Alerts"}),
        ("dropper", {"Incidents", "Files", "Alerts"}),
        ("ab" * 32, {"Incidents", "Files", "Alerts"}),
        ("hxxps://evil[.]example/x", {"Alerts"}),
        ("203.0.113[.]77", {"Alerts"}),
    ],
)
def test_search_finds_by_name_hash_and_address(desk: Client, query: str, labels: set[str]) -> None:
    device = DeviceFactory.create(key="lab-7.corp.example", ip_addresses=["10.1.2.3"], aliases=["lab-7"])
    file = FileFactory.create(sha256="ab" * 32, display_name="dropper.exe")
    found = incident_about(device, file, display_name="Something spreads", name_source="manual")
    alert = found.alerts.get()
    evidence(alert, type="ip", display="203.0.113.77", key="ip:203.0.113.77")
    evidence(alert, type="url", display="https://evil.example/x", key="url:https://evil.example/x")
    groups = {group.label: len(group.results) for group in desk.get("/search/", {"q": query}).context["groups"]}
    assert groups == dict.fromkeys(labels, 1)


def test_what_names_a_found_entity_is_found_by_those_who_may_see_it(
    client: Client, eve: User, ada: User, mona: User, rita: User, signed_in: SignedIn
) -> None:
    device = DeviceFactory.create(display_name="LAB-7")
    restrict_incident(
        incident_about(device, display_name="Secret"), people=[mona, rita], actor=mona.actor, reason="named"
    )
    open_one = incident_about(device, display_name="Open")

    def found(user: User) -> set[str]:
        groups = signed_in(client, user).get("/search/?q=lab-7").context["groups"]
        return {hit.url for group in groups if group.label == "Incidents" for hit in group.results}

    assert found(eve) == set()
    assert found(mona) >= {f"/incidents/{open_one.pk}/"}
    assert len(found(mona)) == 2
    assert found(ada) == {f"/incidents/{open_one.pk}/"}


def test_a_search_without_hits_says_so_once(desk: Client) -> None:
    page = desk.get("/search/?q=nothing-like-this").text
    assert "Nothing found for" in page
    assert "Look for something" not in page
    assert "Look for something" in desk.get("/search/").text


def test_the_number_of_an_incident_leads_straight_to_it(desk: Client) -> None:
    incident = IncidentFactory.create()
    assert desk.get(f"/search/?q=inc-{incident.pk}")["Location"] == f"/incidents/{incident.pk}/"


@pytest.mark.parametrize("query", ["", "%00", "a", "%25_%27%22", "x" * 500])
def test_any_search_is_answered(desk: Client, query: str) -> None:
    assert desk.get(f"/search/?q={query}").status_code == 200


def test_what_waits_are_high_ones_without_owner_and_my_own(desk: Client, ada: User, rita: User) -> None:
    high = IncidentFactory.create(severity="high")
    IncidentFactory.create(severity="high", assigned_to=rita)
    mine = IncidentFactory.create(assigned_to=ada)
    IncidentFactory.create(assigned_to=ada, status="resolved")
    context = desk.get("/waiting/").context
    assert [row.incident for row in context["unowned"]] == [high]
    assert [row.incident for row in context["mine"]] == [mine]


def test_the_overview_names_what_burns(desk: Client) -> None:
    assert desk.get("/overview/").context["fire"] is None
    incident_about(DeviceFactory.create())
    fire = IncidentFactory.create(severity="high", priority_score=95)
    response = desk.get("/overview/?days=7")
    assert response.context["fire"] == fire
    assert (response.context["open"].total, response.context["open"].high_unowned) == (2, 1)
    assert response.context["chart"]["total"] == 2
