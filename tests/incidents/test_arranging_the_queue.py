"""Columns, their order and saved filters: of one person, kept, and nobody else's."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from accounts.services.profile import arrange_table
from incidents.models import SavedFilter
from incidents.services.saved_filters import MOST_SETS, arrange_filter_sets, save_filter_set
from tests.conftest import SignedIn
from tests.factories.incidents import IncidentFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def desk(client: Client, ada: User, signed_in: SignedIn) -> Client:
    return signed_in(client, ada)


def heads(client: Client) -> list[str]:
    return [column.key for column in client.get("/incidents/").context["columns"]]


def keep(user: User, name: str, query: str = "severity=high", *, is_default: bool = False) -> SavedFilter:
    return save_filter_set(user, name=name, query=query, is_default=is_default, actor=user.actor)


def test_the_chosen_columns_stand_in_the_chosen_order(desk: Client, ada: User) -> None:
    IncidentFactory.create(custom_tags=["vip"])
    assert desk.post("/incidents/columns/", {"column": ["tags", "status", "nonsense"]}, headers=HTMX).status_code == 204
    assert heads(desk) == ["tags", "status"]
    page = desk.get("/incidents/").content.decode()
    assert page.index(">Tags</th>") < page.index(">Status</th>")
    assert '<span class="tag"><bdi>vip</bdi></span>' in page


def test_the_standard_columns_come_back(desk: Client, ada: User) -> None:
    desk.post("/incidents/columns/", {"column": ["tags"]}, headers=HTMX)
    desk.post("/incidents/columns/", {"standard": "1", "column": ["tags"]}, headers=HTMX)
    ada.refresh_from_db()
    assert ada.tables == {}
    assert heads(desk) == ["severity", "status", "level", "alerts", "owner", "last"]


def test_the_dialog_begins_with_what_is_shown(desk: Client) -> None:
    desk.post("/incidents/columns/", {"column": ["tags", "severity"]}, headers=HTMX)
    offered = desk.get("/incidents/columns/", headers=HTMX).context["offered"]
    assert [(column.key, shown) for column, shown in offered][:3] == [
        ("tags", True),
        ("severity", True),
        ("status", False),
    ]


def test_a_row_that_changed_has_the_same_columns(desk: Client) -> None:
    incident = IncidentFactory.create()
    desk.post("/incidents/columns/", {"column": ["classification"]}, headers=HTMX)
    row = desk.get(f"/incidents/{incident.pk}/row/", headers=HTMX).content.decode()
    assert "Not set" in row
    assert row.count("<td") == 4


def test_many_columns_widen_the_table_and_keep_the_name(desk: Client) -> None:
    IncidentFactory.create()
    assert desk.get("/incidents/").context["name_width"] is None
    desk.post("/incidents/columns/", {"column": ["severity", "categories", "assets", "sources", "tags"]}, headers=HTMX)
    assert desk.get("/incidents/").context["name_width"] == 300


def test_nobody_arranges_the_table_of_another(ada: User, rita: User) -> None:
    with pytest.raises(ValidationError):
        arrange_table(ada, table="incidents", columns=["tags"], actor=rita.actor)


def test_filters_are_saved_under_a_name_and_brought_back(desk: Client) -> None:
    IncidentFactory.create(display_name="grave", severity="high")
    IncidentFactory.create(display_name="small", severity="low")
    shown = desk.get("/incidents/saved/new/?severity=high&sort=name", headers=HTMX)
    query = shown.context["form"]["query"].value()
    answer = desk.post("/incidents/saved/new/", {"name": "Grave ones", "query": query}, headers=HTMX)
    page = desk.get(answer["HX-Redirect"])
    assert [row.incident.display_name for row in page.context["rows"]] == ["grave"]
    assert (page.context["view"].opened.name, page.context["sort"]) == ("Grave ones", "name")


def test_the_default_set_opens_the_queue_and_its_export(desk: Client, ada: User) -> None:
    IncidentFactory.create(display_name="grave", severity="high")
    IncidentFactory.create(display_name="small", severity="low")
    keep(ada, "Low", "severity=low&sort=name", is_default=True)
    page = desk.get("/incidents/")
    assert [row.incident.display_name for row in page.context["rows"]] == ["small"]
    assert (page.context["sort"], page.context["clear_url"]) == ("name", "")
    assert b"grave" not in desk.get("/incidents/export.csv").getvalue()
    everything = desk.get("/incidents/?window=all")
    assert len(everything.context["rows"]) == 2


def test_there_is_one_default(ada: User, rita: User) -> None:
    first, second, hers = (keep(who, name, is_default=True) for who, name in ((ada, "a"), (ada, "b"), (rita, "a")))
    first.refresh_from_db()
    assert [first.is_default, second.is_default, hers.is_default] == [False, True, True]


def test_a_name_in_use_is_written_over_whatever_its_case(ada: User) -> None:
    keep(ada, "Mine", "severity=high")
    keep(ada, "mine", "severity=low")
    assert [(row.name, row.query) for row in ada.saved_filters.all()] == [("mine", "severity=low")]


def test_sets_are_renamed_swapped_and_deleted_together(desk: Client, ada: User) -> None:
    first, second, third = (keep(ada, name) for name in ("one", "two", "three"))
    posted = {f"name-{first.pk}": "two", f"name-{second.pk}": "one", "default": str(second.pk), "remove": third.pk}
    assert desk.post("/incidents/saved/", posted, headers=HTMX).status_code == 204
    assert [(row.pk, row.name, row.is_default) for row in ada.saved_filters.all()] == [
        (second.pk, "one", True),
        (first.pk, "two", False),
    ]


def test_two_sets_of_one_name_are_refused(desk: Client, ada: User) -> None:
    first, second = keep(ada, "one"), keep(ada, "two")
    answer = desk.post("/incidents/saved/", {f"name-{first.pk}": "TWO", f"name-{second.pk}": "two"}, headers=HTMX)
    assert answer.status_code == 422
    assert "Two sets have the same name." in answer.content.decode()
    first.refresh_from_db()
    assert first.name == "one"


def test_nobody_touches_the_sets_of_another(client: Client, ada: User, rita: User, signed_in: SignedIn) -> None:
    hers = keep(ada, "hers")
    signed_in(client, rita).post("/incidents/saved/", {f"name-{hers.pk}": "mine now", "remove": hers.pk}, headers=HTMX)
    hers.refresh_from_db()
    assert hers.name == "hers"
    with pytest.raises(ValidationError):
        arrange_filter_sets(ada, names={}, default=None, removed=[hers.pk], actor=rita.actor)


def test_there_is_an_end_to_sets(ada: User) -> None:
    for number in range(MOST_SETS):
        keep(ada, f"set {number}")
    with pytest.raises(ValidationError, match="delete one first"):
        keep(ada, "one more")


@pytest.mark.parametrize("name", ["", "x" * 61, " \x00 "])
def test_a_name_that_is_none_is_refused(desk: Client, name: str) -> None:
    assert desk.post("/incidents/saved/new/", {"name": name, "query": ""}, headers=HTMX).status_code == 422


def test_a_saved_query_that_is_nonsense_filters_nothing_and_breaks_nothing(desk: Client, ada: User) -> None:
    keep(ada, "odd", "%00&sort=nonsense&owner=x", is_default=True)
    assert desk.get("/incidents/").status_code == 200
