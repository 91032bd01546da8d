"""Lists: pages that do not shift, exact counts, orders, filters."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from core import pagination
from core.api.pagination import DEFAULT_LIMIT
from incidents.models import Incident
from tests.factories.api import Caller, caller
from tests.factories.incidents import IncidentFactory, incident_about

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def walk(client: Caller, path: str, **query: object) -> list[str]:
    """All ids of a list, page by page."""
    found: list[str] = []
    cursor = None
    while True:
        page = client.get(path, **query, **({"cursor": cursor} if cursor else {}))
        assert page.status == 200, page.body
        found += page.ids
        cursor = page.body["next"]
        if cursor is None:
            return found


def test_a_list_has_three_parts(ada: User) -> None:
    IncidentFactory.create_batch(2)
    page = caller(ada).get("/incidents").body
    assert set(page) == {"results", "next", "count"}
    assert (page["next"], page["count"]) == (None, 2)


def test_a_page_holds_fifty_unless_asked(ada: User) -> None:
    IncidentFactory.create_batch(DEFAULT_LIMIT + 1)
    page = caller(ada).get("/incidents").body
    assert (len(page["results"]), page["count"]) == (50, 51)


@pytest.mark.parametrize(
    "ordering", ["-priority_score", "priority_score", "-last_activity", "display_name", "-severity"]
)
def test_every_row_comes_once_in_every_order(ada: User, ordering: str) -> None:
    for n in range(9):
        score = None if n % 4 == 0 else n % 3
        IncidentFactory.create(priority_score=score, last_activity=NOON + timedelta(hours=n % 2))
    found = walk(caller(ada), "/incidents", ordering=ordering, limit=2)
    assert len(found) == 9 == len(set(found))


def test_rows_that_come_in_between_do_not_shift_the_pages(ada: User) -> None:
    old = [IncidentFactory.create(last_activity=NOON - timedelta(hours=n)) for n in range(4)]
    client = caller(ada)
    first = client.get("/incidents", limit=2)
    IncidentFactory.create(last_activity=NOON + timedelta(hours=1))
    Incident.objects.filter(pk=old[0].pk).delete()
    second = client.get("/incidents", limit=2, cursor=first.body["next"])
    assert first.ids + second.ids == [str(incident.pk) for incident in old]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "ten", "1e2", "", "٥"])
def test_a_limit_outside_its_bounds(ada: User, limit: str) -> None:
    answer = caller(ada).get("/incidents", limit=limit)
    assert (answer.status, answer.body["error"]["field"]) == (400, "limit")


def test_a_cursor_of_another_order_or_by_hand_is_refused(ada: User) -> None:
    IncidentFactory.create_batch(3)
    client = caller(ada)
    cursor = client.get("/incidents", limit=1).body["next"]
    forged = [client.get("/incidents", limit=1, cursor=word) for word in ("x", cursor[:-2] + "aa", "W10:abc")]
    other = client.get("/incidents", limit=1, cursor=cursor, ordering="created")
    assert [answer.status for answer in (*forged, other)] == [400] * 4


def test_an_unknown_order_is_refused(ada: User) -> None:
    answer = caller(ada).get("/incidents", ordering="password")
    assert (answer.status, answer.body["error"]["field"]) == (400, "ordering")


def test_the_count_is_exact_up_to_its_cap(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "COUNT_CAP", 3)
    monkeypatch.setattr("core.api.pagination.COUNT_CAP", 3)
    IncidentFactory.create_batch(3)
    assert caller(ada).get("/incidents").body["count"] == 3
    IncidentFactory.create()
    assert caller(ada).get("/incidents").body["count"] == "3+"


def test_a_filter_given_twice_means_either(ada: User) -> None:
    low, high = IncidentFactory.create(severity="low"), IncidentFactory.create(severity="high")
    IncidentFactory.create(severity="medium")
    assert set(caller(ada).get("/incidents", severity=["low", "high"]).ids) == {str(low.pk), str(high.pk)}


def test_the_filters_of_owner_tags_and_times(ada: User, rita: User) -> None:
    mine = IncidentFactory.create(assigned_to=ada, custom_tags=["vip"], updated=NOON)
    free = IncidentFactory.create(updated=NOON - timedelta(days=9))
    IncidentFactory.create(assigned_to=rita, updated=NOON - timedelta(days=9))
    client = caller(ada)
    assert client.get("/incidents", assigned_to="ada").ids == [str(mine.pk)]
    assert client.get("/incidents", assigned_to="nobody").ids == [str(free.pk)]
    assert client.get("/incidents", custom_tags="vip").ids == [str(mine.pk)]
    assert client.get("/incidents", updated_since="2026-11-20T00:00:00Z").ids == [str(mine.pk)]


def test_search_finds_names_and_numbers(ada: User) -> None:
    named = IncidentFactory.create(display_name="Ransomware in 100% of shares")
    other = IncidentFactory.create()
    assert caller(ada).get("/incidents", search="100%").ids == [str(named.pk)]
    assert str(other.pk) in caller(ada).get("/incidents", search=str(other.pk)).ids


def test_merged_incidents_are_left_out_of_lists_and_still_read(ada: User) -> None:
    target = incident_about()
    merged = IncidentFactory.create(status="redirected", redirect_incident=target)
    client = caller(ada)
    assert client.get("/incidents").ids == [str(target.pk)]
    assert client.get("/incidents", status="redirected").ids == [str(merged.pk)]
    assert client.get(f"/incidents/{merged.pk}").body["redirect_incident_id"] == str(target.pk)


def test_an_address_with_a_slash_is_the_same_one(ada: User) -> None:
    incident = IncidentFactory.create()
    assert caller(ada).get("/incidents/").ids == [str(incident.pk)]
    assert caller(ada).get(f"/incidents/{incident.pk}/").status == 200
