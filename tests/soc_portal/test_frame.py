"""The frame of the pages: who sees which entry, what it counts, what it costs."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from exercises.models import Exercise
from incidents.models import Incident
from soc_portal.navigation import count_for, frame, navigation
from tests.conftest import SignedIn


def entries(user: User, path: str = "/incidents/") -> dict[str, dict[str, Any]]:
    return {item["label"]: item for group in navigation(user, path) for item in group["items"]}


def test_the_rail_shows_what_a_person_may_open(ada: User, mona: User, adam: User) -> None:
    assert {"Incidents", "Action center", "Reviews", "Devices"} <= set(entries(ada))
    assert not {"Administration", "Audit log"} & set(entries(ada))
    assert "Audit log" in entries(mona)
    assert "Administration" in entries(adam)


def test_the_entry_of_the_page_is_marked(adam: User) -> None:
    found = entries(adam, "/admin/groups/")
    assert found["Administration"]["current"]
    assert not found["Incidents"]["current"]


def test_the_counts_cost_seven_queries_at_most(adam: User) -> None:
    adam.permission_keys, adam.scope  # noqa: B018 - loaded once for any page
    with CaptureQueriesContext(
        connection,
    ) as queries:
        count_for(adam)
        assert not Exercise.objects.exists()
    assert len(queries) <= 7


def test_what_waits_for_a_person_is_counted_for_that_person(ada: User, mona: User) -> None:
    Incident.objects.create(display_name="Mine", severity="low", assigned_to=ada)
    Incident.objects.create(display_name="Nobody's", severity="high")
    Incident.objects.create(display_name="Closed", severity="high", status="resolved")
    assert (count_for(ada).incidents, count_for(ada).for_me) == (2, 2)
    assert count_for(mona).for_me == 0


def test_a_fragment_pays_nothing_for_the_frame(rf: RequestFactory, adam: User) -> None:
    request = rf.get("/incidents/", headers={"HX-Request": "true"})
    request.user = adam
    with CaptureQueriesContext(connection) as queries:
        assert frame(request) == {}
    assert len(queries) == 0


def test_a_page_that_shows_no_rail_pays_nothing_either(rf: RequestFactory, adam: User) -> None:
    request = rf.get("/me/")
    request.user = adam
    with CaptureQueriesContext(connection) as queries:
        frame(request)
    assert len(queries) == 0


def test_the_demo_badge_shows_while_an_exercise_is_there(client: Client, ada: User, signed_in: SignedIn) -> None:
    signed_in(client, ada)
    assert "DEMO DATA" not in client.get("/me/").text
    Exercise.objects.create(key="demo", seed=1)
    assert "DEMO DATA" in client.get("/me/").text


@pytest.mark.parametrize(("theme", "marked"), [("dark", True), ("light", True), ("system", False)])
def test_the_page_is_drawn_in_the_chosen_theme_and_density(
    client: Client, ada: User, signed_in: SignedIn, theme: str, marked: bool
) -> None:
    signed_in(client, ada).post("/me/appearance/", {"theme": theme})
    client.post("/me/appearance/", {"density": "compact"})
    page = client.get("/me/").text
    assert (f'data-theme="{theme}"' in page) is marked
    assert 'data-density="compact"' in page


def test_the_rail_refreshes_alone(client: Client, ada: User, signed_in: SignedIn) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/actions/"}
    page = signed_in(client, ada).get("/navigation/", headers=headers).text
    assert 'id="rail-groups"' in page
    assert "<html" not in page
    assert page.count('aria-current="page"') == 1


def test_a_rail_asked_for_from_a_nonsense_address_is_answered(client: Client, ada: User, signed_in: SignedIn) -> None:
    assert signed_in(client, ada).get("/navigation/", headers={"HX-Current-URL": "http://["}).status_code == 200


def test_who_works_incidents_begins_at_the_queue_and_who_signs_at_the_overview(
    client: Client, ada: User, mona: User, signed_in: SignedIn
) -> None:
    assert signed_in(client, ada).get("/")["Location"] == "/incidents/"
    assert signed_in(client, mona).get("/")["Location"] == "/overview/"


def test_a_dialog_that_is_a_page_is_titled_by_what_it_does(client: Client, ada: User, signed_in: SignedIn) -> None:
    assert "<title>New incident" in signed_in(client, ada).get("/incidents/new/").text


def test_the_page_of_the_schema_leads_back(client: Client, ada: User, signed_in: SignedIn) -> None:
    assert '<a href="/">Back to the portal</a>' in signed_in(client, ada).get("/api/v1/docs/").text
