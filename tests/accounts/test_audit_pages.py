"""Reading the audit log: filters, pages, export, and the state of the chain."""

import csv
import io

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import DeviceGroup, User
from core import audit, audit_check
from core.actors import Actor
from core.models import AuditEvent
from tests.conftest import SignedIn
from tests.factories.people import person


@pytest.fixture
def log(client: Client, mona: User, signed_in: SignedIn) -> Client:
    signed = signed_in(client, mona)
    with transaction.atomic():
        for number in range(120):
            audit.record("thing.made", subject=f"thing:{number}", thread="shelf:1", actor=Actor.system("maker"))
        audit.record(
            "thing.broken", subject="thing:7", actor=mona.actor, reason="=1+1", changes={"state": ("whole", "two")}
        )
    return signed


def ids(page: object) -> list[int]:
    return [row["event"].id for row in page.context["rows"]]  # type: ignore[attr-defined]


def test_pages_follow_each_other_without_gap_or_double(log: Client) -> None:
    first = log.get("/admin/audit/?actor=maker")
    second = log.get(first.context["older_url"])
    third = log.get(second.context["older_url"])
    found = ids(first) + ids(second) + ids(third)
    assert len(found) == len(set(found)) == 120
    assert found == sorted(found, reverse=True)
    assert third.context["older_url"] == ""
    assert ids(log.get(second.context["newer_url"])) == ids(first)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("subject=thing:7", 2),
        ("subject=thing:7&actor=maker", 1),
        ("verb=thing.bro", 1),
        ("actor=mona&verb=thing", 1),
        ("verb=nothing", 0),
        ("verb=Thing:+broken", 1),
        ("subject=thing+7", 2),
        ("kind=person&verb=thing", 1),
        ("kind=system&subject=thing:7", 1),
    ],
)
def test_filters_narrow_the_log(log: Client, query: str, count: int) -> None:
    assert len(ids(log.get(f"/admin/audit/?{query}"))) == count


def test_a_person_is_found_by_the_name_they_sign_in_with(log: Client, mona: User) -> None:
    User.objects.filter(pk=mona.pk).update(username="m.haddad.7")
    assert len(ids(log.get("/admin/audit/?actor=HADDAD.7&verb=thing"))) == 1


def test_the_filters_suggest_what_the_log_knows(log: Client) -> None:
    page = log.get("/admin/audit/").text
    assert '<option value="Thing: broken">' in page
    assert '<option value="thing:7">' in page


def test_times_of_the_filter_are_utc(log: Client) -> None:
    assert ids(log.get("/admin/audit/?since=2999-01-01T00:00")) == []
    assert ids(log.get("/admin/audit/?until=2001-01-01T00:00")) == []


def test_the_export_has_what_is_filtered_and_no_living_formula(log: Client) -> None:
    answer = log.get("/admin/audit/export/?verb=thing.broken")
    rows = list(csv.reader(io.StringIO(answer.getvalue().decode())))
    assert len(rows) == 2
    assert rows[1][5] == "thing.broken"
    assert rows[1][9] == "'=1+1"


def test_an_event_says_whether_it_is_sealed(log: Client) -> None:
    event = AuditEvent.objects.get(verb="thing.broken")
    assert "Not yet sealed" in log.get(f"/admin/audit/{event.id}/").text
    audit.seal()
    assert "Not yet sealed" not in log.get(f"/admin/audit/{event.id}/").text


def test_the_result_of_the_last_check_is_shown(log: Client) -> None:
    audit.seal()
    audit_check.run()
    page = log.get("/admin/audit/chain/").text
    assert "Chain whole" in page
    assert "All sealed" in page


def test_somebody_who_does_not_see_everything_reads_nothing_of_it(
    client: Client, elsewhere: DeviceGroup, signed_in: SignedIn
) -> None:
    local = signed_in(client, person("local", "manager", groups=[elsewhere]))
    assert "whole or not at all" in local.get("/admin/audit/").text
    assert local.get("/admin/audit/1/").status_code == 404
    assert local.get("/admin/audit/export/").getvalue().decode().count("\n") == 1


def test_the_log_is_closed_to_those_without_the_right(client: Client, ada: User, signed_in: SignedIn) -> None:
    for path in ("", "export/", "chain/", "1/"):
        assert signed_in(client, ada).get(f"/admin/audit/{path}").status_code == 403
