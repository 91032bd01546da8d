"""The history of the Action center: what can be asked of it, what it shows, and what its CSV says."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from connectors.kinds.simulator import world
from core import clock
from remediation.history_columns import COLUMNS
from remediation.models import ActionRun, ControlState
from remediation.policy_status import standings_of
from remediation.services.carry_out import carry_out
from remediation.services.decide import reject_run
from remediation.services.drift import look_at
from remediation.services.undo import undo_run
from tests.conftest import SignedIn
from tests.factories.remediation import (
    Company,
    FileFactory,
    approve,
    ask,
    company,
    done,
    incident_naming,
    saw,
)

pytestmark = pytest.mark.django_db
HISTORY = "/actions/history/"


@pytest.fixture
def place(db: None) -> Company:
    return company()


def shown(client: Client, query: str = "") -> set[int]:
    """The runs that the page lists."""
    response = client.get(f"{HISTORY}?{query}")
    assert response.status_code == 200
    return {row["run"].pk for row in response.context["rows"]}


def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    text = client.get(f"{HISTORY}export/?{query}").getvalue().decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_windows_and_times_of_ones_own(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    ages = {1: 0.5, 2: 3, 3: 20, 4: 100, 5: 300}
    runs = {number: done(ada, rita, "device.antivirus_scan", place.device()) for number in ages}
    for number, days in ages.items():
        ActionRun.objects.filter(pk=runs[number].pk).update(created=clock.now() - timedelta(days=days))
    signed_in(client, ada)
    for window, expected in {"1d": {1}, "7d": {1, 2}, "30d": {1, 2, 3}, "180d": {1, 2, 3, 4}}.items():
        assert shown(client, f"window={window}") == {runs[number].pk for number in expected}
    since = f"{clock.now() - timedelta(days=400):%Y-%m-%dT%H:%M}"
    until = f"{clock.now() - timedelta(days=10):%Y-%m-%dT%H:%M}"
    assert shown(client, f"window=custom&from={since}&to={until}") == {runs[number].pk for number in (3, 4, 5)}
    assert shown(client, "window=custom&from=nonsense") == shown(client, "window=30d")


def test_filters_by_what_was_asked_decided_and_by_whom(
    client: Client, place: Company, ada: User, rita: User, adam: User, signed_in: SignedIn
) -> None:
    incident = incident_naming(place.device())
    isolated = done(ada, rita, "device.isolate", place.device())
    refused = reject_run(
        ask(adam, "identity.disable", place.identity(), incident=incident), actor=rita.actor, user=rita, comment="No"
    )
    signed_in(client, ada)
    of_isolation = ("action=device.isolate", "decision=approved", "status=succeeded", "target_kind=device",
                    "requester=lindq", f"search={isolated.target_name}")  # fmt: skip
    of_refused = ("action=identity.disable", "decision=rejected", "target_kind=identity", "requester=Novak",
                  f"incident=INC-{incident.pk}", f"incident={incident.pk}")  # fmt: skip
    for query in of_isolation:
        assert shown(client, query) == {isolated.pk}, query
    for query in of_refused:
        assert shown(client, query) == {refused.pk}, query
    assert shown(client, "decider=Moreno") == {isolated.pk, refused.pk}
    assert shown(client, "simulated=0") == set()
    assert shown(client, "incident=nothing") == set()


def test_filters_by_source_and_undo(client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn) -> None:
    first = done(ada, rita, "device.isolate", place.device())
    second = carry_out(approve(rita, undo_run(first, actor=ada.actor, user=ada, comment="Clean")))
    by_rule = done(ada, rita, "device.antivirus_scan", place.device())
    ActionRun.objects.filter(pk=by_rule.pk).update(source="playbook")
    signed_in(client, ada)
    assert shown(client, "source=undo") == {second.pk}
    assert shown(client, "source=automated") == {by_rule.pk}
    assert shown(client, "source=automated&source=undo") == {second.pk, by_rule.pk}


def test_a_filter_by_device_group_and_address_with_nonsense(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    device = place.device()
    run = done(ada, rita, "device.antivirus_scan", device)
    other = done(ada, rita, "identity.disable", place.identity())
    signed_in(client, ada)
    assert shown(client, f"group={device.device_group_id}") == {run.pk}
    assert shown(client, "group=x&action=no.such&status=%00&sort=nonsense&cursor=x&from=9999999") == {run.pk, other.pk}


def test_the_policy_status_is_what_holds_now_and_not_what_was_asked(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    held = done(ada, rita, "device.isolate", place.device())
    taken_back = done(ada, rita, "device.isolate", place.device())
    release = carry_out(approve(rita, undo_run(taken_back, actor=ada.actor, user=ada, comment="Clean")))
    scan = done(ada, rita, "device.antivirus_scan", place.device())
    under_way = approve(rita, ask(ada, "device.isolate", place.device()))
    signed_in(client, ada)
    assert shown(client, "policy=active") == {held.pk}
    assert shown(client, "policy=inactive") == {taken_back.pk}
    assert shown(client, "policy=not_applicable") == {scan.pk, release.pk}
    assert shown(client, "policy=no_status") == {under_way.pk}
    found = standings_of(ActionRun.objects.all())
    words = {pk: one.status.value for pk, one in found.items()}
    assert words == {held.pk: "active", taken_back.pk: "inactive", release.pk: "not_applicable",
                     scan.pk: "not_applicable", under_way.pk: "no_status"}  # fmt: skip


def test_a_file_action_is_active_as_long_as_one_device_still_holds_the_file_back(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    file, devices = FileFactory.create(), [place.device(), place.device()]
    for device in devices:
        world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, *devices)
    whole = done(ada, rita, "file.quarantine", file)
    world.change_behind_our_back(place.connection, "device", devices[0].key, files={file.key: "present"})
    for state in ControlState.objects.all():
        look_at(state)
    signed_in(client, ada)
    assert shown(client, "policy=active") == {whole.pk}
    assert shown(client, "drift=1") == {whole.pk}
    standing = standings_of([whole])[whole.pk]
    assert (standing.drifts, standing.parts) == (True, 1)


def test_rows_are_sorted_and_leafed_without_losing_one(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    runs = [done(ada, rita, "device.antivirus_scan", place.device()) for _ in range(27)]
    signed_in(client, ada)
    client.post(f"{HISTORY}columns/", {"column": ["state"], "size": "25"})
    for sort in ("-requested", "requested", "target", "-ended", "decided", "status"):
        first = client.get(f"{HISTORY}?sort={sort}")
        second = client.get(HISTORY + first.context["older_url"].removeprefix(HISTORY))
        pages = [row["run"].pk for page in (first, second) for row in page.context["rows"]]
        assert len(pages) == len(set(pages)) == len(runs), sort
    assert shown(client, "sort=target") == {run.pk for run in sorted(runs, key=lambda run: run.target_name)[:25]}


def test_columns_are_chosen_in_order_and_kept_in_the_profile(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    done(ada, rita, "device.isolate", place.device())
    signed_in(client, ada).post(f"{HISTORY}columns/", {"column": ["comment", "state", "nonsense"], "size": "100"})
    page = client.get(HISTORY)
    assert [column.key for column in page.context["columns"]] == ["comment", "state"]
    assert "Spreads ransomware" in page.content.decode()
    ada.refresh_from_db()
    assert ada.tables == {"actions": ["comment", "state"], "actions.size": ["100"]}
    client.post(f"{HISTORY}columns/", {"standard": "1"})
    ada.refresh_from_db()
    assert ada.tables == {}


def test_the_csv_has_the_rows_the_order_and_the_columns_of_the_view(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    runs = [done(ada, rita, "device.isolate", place.device()) for _ in range(3)]
    done(ada, rita, "device.antivirus_scan", place.device())
    signed_in(client, ada).post(f"{HISTORY}columns/", {"column": ["policy", "requested_by"]})
    rows = exported(client, "action=device.isolate&sort=requested")
    assert [row["run"] for row in rows] == [run.number for run in runs]
    assert list(rows[0]) == ["run", "action", "target", "simulated", "In force", "Requested by"]
    assert (rows[0]["In force"], rows[0]["Requested by"]) == ("Active", "Ada Lindqvist")


def test_a_formula_in_a_reason_is_only_text_in_the_csv(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    run = done(ada, rita, "device.antivirus_scan", place.device())
    ActionRun.objects.filter(pk=run.pk).update(comment="=HYPERLINK(1)")
    signed_in(client, ada).post(f"{HISTORY}columns/", {"column": ["comment"]})
    assert [row["Reason"] for row in exported(client)] == ["'=HYPERLINK(1)"]


def test_the_number_of_queries_does_not_grow_with_the_rows_or_the_columns(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    for _ in range(6):
        done(ada, rita, "device.isolate", place.device())
    every = [column.key for column in COLUMNS]
    signed_in(client, ada).post(f"{HISTORY}columns/", {"column": every})
    with django_assert_max_num_queries(16):
        assert len(shown(client, "policy=active&source=manual&target_kind=device")) == 6
    with django_assert_max_num_queries(10):
        assert len(exported(client)) == 6
