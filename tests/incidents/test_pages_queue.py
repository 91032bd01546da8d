"""The queue: what it lists by default, how it filters, sorts, leafs, exports and manages."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import DeviceGroup, User
from core import clock
from incidents.models import Incident
from incidents.services.restrict import restrict_incident
from soc_portal.navigation import count_for
from tests.conftest import SignedIn
from tests.factories.incidents import (
    AlertFactory,
    DeviceFactory,
    IdentityFactory,
    IncidentFactory,
    evidence,
    incident_about,
)
from tests.factories.people import DeviceGroupFactory, person

pytestmark = pytest.mark.django_db
MOST_QUERIES = 20


def names(client: Client, query: str = "") -> list[str]:
    """The names in the list, in its order."""
    response = client.get(f"/incidents/{query}")
    assert response.status_code == 200
    return [row.incident.display_name for row in response.context["rows"]]


@pytest.fixture
def desk(client: Client, ada: User, signed_in: SignedIn) -> Client:
    return signed_in(client, ada)


def test_by_default_it_lists_what_is_open_grave_and_of_this_week(desk: Client) -> None:
    old = clock.now() - timedelta(days=8)
    IncidentFactory.create(display_name="open")
    IncidentFactory.create(display_name="taken", status="inProgress")
    IncidentFactory.create(display_name="waiting", status="awaitingAction")
    IncidentFactory.create(display_name="closed", status="resolved")
    IncidentFactory.create(display_name="harmless", severity="informational")
    IncidentFactory.create(display_name="old", last_activity=old)
    IncidentFactory.create(display_name="merged", status="redirected")
    assert sorted(names(desk)) == ["open", "taken", "waiting"]
    assert sorted(names(desk, "?window=all")) == ["closed", "harmless", "old", "open", "taken", "waiting"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?severity=high", ["grave"]),
        ("?owner=me", ["mine"]),
        ("?owner=nobody&band=top", ["grave"]),
        ("?tag=vip", ["mine"]),
        ("?category=Ransomware", ["grave"]),
        ("?source=wazuh", ["grave"]),
        ("?classification=truePositive", ["mine"]),
        ("?band=low", ["mine"]),
        ("?name=GRA", ["grave"]),
        ("?from=2999-01-01T00:00", []),
        ("?status=resolved", []),
    ],
)
def test_each_filter_narrows_the_list(desk: Client, ada: User, query: str, expected: list[str]) -> None:
    IncidentFactory.create(display_name="grave", severity="high", priority_score=90, categories=["Ransomware"],
                           service_sources=["wazuh"])  # fmt: skip
    IncidentFactory.create(display_name="mine", assigned_to=ada, priority_score=3, custom_tags=["vip"],
                           classification="truePositive")  # fmt: skip
    assert names(desk, query) == expected


def test_an_asset_or_an_address_finds_the_incidents_that_name_it(desk: Client) -> None:
    device = DeviceFactory.create(display_name="FIN-WS-014")
    incident_about(device, display_name="about the device", name_source="manual")
    other = incident_about(IdentityFactory.create(), display_name="about the address", name_source="manual")
    evidence(other.alerts.get(), type="ip", display="203.0.113.77", key="ip:203.0.113.77")
    assert names(desk, "?entity=fin-ws") == ["about the device"]
    assert names(desk, "?entity=203.0.113.77") == ["about the address"]


def test_a_chip_removes_its_filter_and_keeps_the_others(desk: Client) -> None:
    chips = {chip["label"]: chip for chip in desk.get("/incidents/").context["chips"]}
    assert chips["Severity"]["value"] == "High, Medium, Low"
    assert chips["Severity"]["remove_url"] == "?status=active&status=inProgress&status=awaitingAction&window=7d"


def test_an_empty_list_names_the_filter_to_remove(desk: Client) -> None:
    IncidentFactory.create_batch(3)
    page = desk.get("/incidents/?severity=high&window=7d").content.decode()
    assert "Remove <em>Severity</em> to see 3." in page


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("-priority", ["b", "a", "c"]),
        ("priority", ["c", "a", "b"]),
        ("name", ["a", "b", "c"]),
        ("-severity", ["c", "b", "a"]),
        ("nonsense", ["b", "a", "c"]),
    ],
)
def test_it_sorts_by_what_the_head_says(desk: Client, sort: str, expected: list[str]) -> None:
    for name, score, severity in (("a", 50, "low"), ("b", 90, "medium"), ("c", 10, "high")):
        IncidentFactory.create(display_name=name, priority_score=score, severity=severity)
    assert names(desk, f"?window=all&sort={sort}") == expected


def test_leafing_on_and_back_shows_every_row_once(desk: Client) -> None:
    IncidentFactory.create_batch(120, priority_score=40)
    seen: list[str] = []
    address = "/incidents/"
    while address:
        response = desk.get(address)
        seen += [row.incident.display_name for row in response.context["rows"]]
        last, address = response, response.context["older_url"] and f"/incidents/{response.context['older_url']}"
    assert len(seen) == len(set(seen)) == 120
    back = desk.get(f"/incidents/{last.context['newer_url']}")
    assert [row.incident.display_name for row in back.context["rows"]] == seen[50:100]


@pytest.mark.parametrize("cursor", ["nonsense", "back-nonsense", "", "%00"])
def test_a_cursor_that_nobody_gave_out_shows_the_first_page(desk: Client, cursor: str) -> None:
    IncidentFactory.create(display_name="there")
    assert names(desk, f"?cursor={cursor}") == ["there"]


@pytest.mark.parametrize("query", ["?status=%00", "?owner=99999999999999999999", "?group=x", "?from=never", "?band=9"])
def test_hostile_addresses_are_answered(desk: Client, query: str) -> None:
    assert desk.get(f"/incidents/{query}").status_code == 200


def test_it_costs_a_fixed_number_of_queries(desk: Client) -> None:
    for _ in range(5):
        incident_about(DeviceFactory.create(), IdentityFactory.create())
    with CaptureQueriesContext(connection) as few:
        desk.get("/incidents/")
    for _ in range(25):
        incident_about(DeviceFactory.create(), IdentityFactory.create())
    with CaptureQueriesContext(connection) as many:
        desk.get("/incidents/")
    assert len(many) <= len(few) <= MOST_QUERIES


def test_somebody_with_few_groups_costs_no_more_than_the_limit(client: Client, signed_in: SignedIn) -> None:
    group = DeviceGroupFactory.create()
    noor = person("noor", "analyst", groups=[group])
    for _ in range(8):
        incident_about(DeviceFactory.create(device_group=group), IdentityFactory.create())
    signed_in(client, noor)
    with CaptureQueriesContext(connection) as queries:
        assert len(names(client)) == 8
    assert len(queries) <= MOST_QUERIES


def test_names_of_assets_outside_the_groups_are_not_shown(client: Client, signed_in: SignedIn) -> None:
    inside, outside = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    noor = person("noor", "analyst", groups=[inside])
    hidden = DeviceFactory.create(display_name="HIDDEN-1", device_group=outside)
    incident = incident_about(DeviceFactory.create(display_name="SEEN-1", device_group=inside), display_name="Shared",
                              name_source="manual")  # fmt: skip
    evidence(AlertFactory.create(incident=incident, title="secret", device_group_ids=[outside.pk]), hidden)
    incident.impacted_assets["names"].append({"kind": "device", "id": hidden.pk, "name": "HIDDEN-1"})
    incident.device_group_ids = sorted([inside.pk, outside.pk])
    incident.save()
    signed_in(client, noor)
    for path in ("/incidents/", f"/incidents/{incident.pk}/summary/", f"/incidents/{incident.pk}/row/alerts/"):
        page = client.get(path).content.decode()
        assert "HIDDEN-1" not in page
        assert "secret" not in page
    assert "1 alert outside your device groups" in client.get(f"/incidents/{incident.pk}/row/alerts/").content.decode()


def test_eve_sees_nothing_of_it(client: Client, eve: User, signed_in: SignedIn) -> None:
    incident_about(DeviceFactory.create())
    assert names(signed_in(client, eve)) == []


def test_a_restricted_incident_is_not_in_the_list(desk: Client, rita: User, mona: User) -> None:
    incident = incident_about(DeviceFactory.create())
    restrict_incident(incident, people=[mona], actor=rita.actor, reason="An insider.")
    assert names(desk) == []


def test_the_export_has_the_filtered_rows_and_no_formulas(desk: Client) -> None:
    IncidentFactory.create(display_name="=cmd()", severity="high")
    IncidentFactory.create(display_name="other", severity="low")
    lines = desk.get("/incidents/export.csv?severity=high").getvalue().decode().splitlines()
    assert len(lines) == 2
    assert "'=cmd()" in lines[1]


def test_checked_rows_are_managed_together(desk: Client, ada: User) -> None:
    incidents = [incident_about(DeviceFactory.create()) for _ in range(3)]
    ids = [incident.pk for incident in incidents]
    filled = {"id": ids, "status": "resolved", "resolving_comment": "Noise.", "verdict": "falsePositive/notMalicious"}
    answer = desk.post("/incidents/manage/", filled, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    found = [(one.status, one.determination, one.assigned_to) for one in Incident.objects.all()]
    assert found == [("resolved", "notMalicious", None)] * 3


def test_one_row_out_of_reach_stops_all(client: Client, signed_in: SignedIn, elsewhere: DeviceGroup, eve: User) -> None:
    hers = incident_about(DeviceFactory.create(device_group=elsewhere))
    foreign = incident_about(DeviceFactory.create())
    answer = signed_in(client, eve).post("/incidents/manage/", {"id": [hers.pk, foreign.pk], "status": "resolved"})
    assert answer.status_code == 404
    assert not Incident.objects.filter(status="resolved").exists()


def test_a_manager_reads_and_does_not_manage(client: Client, mona: User, signed_in: SignedIn) -> None:
    incident = incident_about(DeviceFactory.create())
    signed_in(client, mona)
    assert "New incident" not in client.get("/incidents/").content.decode()
    for path in (f"/incidents/manage/?id={incident.pk}", f"/incidents/{incident.pk}/comment/", "/incidents/new/"):
        assert client.get(path).status_code == 403


def test_the_filter_dialog_offers_what_is_there(desk: Client) -> None:
    IncidentFactory.create(service_sources=["microsoftDefenderForEndpoint"], custom_tags=["vip"])
    page = desk.get("/incidents/filters/", headers={"HX-Request": "true"}).content.decode()
    assert "Defender for Endpoint" in page
    assert "<html" not in page


def test_the_rail_the_overview_and_the_list_tell_one_count(desk: Client, ada: User) -> None:
    for severity, status in (("high", "active"), ("medium", "inProgress"), ("low", "awaitingAction")):
        IncidentFactory.create(severity=severity, status=status)
    IncidentFactory.create(display_name="harmless", severity="informational")
    IncidentFactory.create(display_name="quiet", last_activity=clock.now() - timedelta(days=8))
    overview = desk.get("/overview/").context["open"]
    assert count_for(ada).incidents == desk.get("/incidents/").context["total"] == overview.total == 3
    assert overview.high + overview.medium + overview.low == overview.total
    assert overview.beside == 2


def test_only_what_the_filters_would_show_is_announced_as_new(desk: Client) -> None:
    grave = IncidentFactory.create(severity="high")
    harmless = IncidentFactory.create(severity="informational")
    ids = f"{grave.pk},{harmless.pk},x"
    assert desk.get(f"/incidents/arrived.json?ids={ids}").json() == {"count": 1}
    assert desk.get(f"/incidents/arrived.json?severity=informational&ids={ids}").json() == {"count": 1}
    assert desk.get("/incidents/arrived.json").json() == {"count": 0}


def test_the_line_under_a_name_says_what_a_narrow_window_has_no_column_for(desk: Client, ada: User) -> None:
    incident_about(DeviceFactory.create(), alerts=3, assigned_to=ada)
    page = desk.get("/incidents/").text
    assert f'<span class="narrow"> · 3 alerts · <bdi>{ada}</bdi></span>' in page
    assert "{#" not in page
