"""Leafing through a list forth and back, and where a request comes from."""

from typing import Any

import pytest
from django.test import RequestFactory

from core.client_address import client_address
from core.models import Blob
from core.pages import leaf
from core.pagination import Keyset, counted, counted_together

BY_SIZE = Keyset(("size", "id"), descending=True)


@pytest.fixture
def rows(db: None) -> Any:
    Blob.objects.bulk_create(
        Blob(name=str(n), media_type="x/y", size=n // 3, sha256="", ciphertext=b"") for n in range(23)
    )
    return Blob.objects.all()


def names(page: Any) -> list[str]:
    return [row.name for row in page.rows]


def test_every_row_is_seen_once_forth_and_back(rows: Any) -> None:
    pages, cursor = [], ""
    while True:
        page = leaf(rows, BY_SIZE, purpose="test", cursor=cursor, size=5)
        pages.append(page)
        cursor = page.older
        if not cursor:
            break
    seen = [name for page in pages for name in names(page)]
    assert seen == list(rows.order_by("-size", "-id").values_list("name", flat=True))
    back = [names(leaf(rows, BY_SIZE, purpose="test", cursor=page.newer, size=5)) for page in pages[1:]]
    assert back == [names(page) for page in pages[:-1]]
    assert pages[0].newer == ""


def test_rows_that_come_meanwhile_shift_nothing(rows: Any) -> None:
    first = leaf(rows, BY_SIZE, purpose="test", size=5)
    Blob.objects.create(name="new", media_type="x/y", size=99, sha256="", ciphertext=b"")
    second = leaf(rows, BY_SIZE, purpose="test", cursor=first.older, size=5)
    assert not set(names(first)) & set(names(second))


@pytest.mark.parametrize("cursor", ["x", "back-x", "\x00", "e30:abc", "-" * 5000])
def test_a_cursor_from_elsewhere_leads_to_the_first_page(rows: Any, cursor: str) -> None:
    assert names(leaf(rows, BY_SIZE, purpose="test", cursor=cursor, size=5))[0] == "22"


def test_a_cursor_of_another_list_is_not_believed(rows: Any) -> None:
    other = leaf(rows, BY_SIZE, purpose="other", size=5).older
    assert names(leaf(rows, BY_SIZE, purpose="test", cursor=other, size=5))[0] == "22"


def test_counting_stops_where_it_no_longer_matters(rows: Any) -> None:
    assert counted(rows) == 23


def test_several_lists_are_counted_at_once_and_no_further_than_one_is(
    rows: Any, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.pagination.COUNT_CAP", 9)
    small = rows.filter(size=0)
    lists = {"all": rows, "none": rows.none(), "small": small, "either": small.union(rows.filter(size=1), all=True)}
    with django_assert_num_queries(1):
        assert counted_together(lists) == {"all": 10, "none": 0, "small": 3, "either": 6}


def test_a_peer_behind_a_socket_file_has_an_address_that_means_nowhere(rf: RequestFactory) -> None:
    assert client_address(rf.get("/", REMOTE_ADDR="")) == "0.0.0.0"
