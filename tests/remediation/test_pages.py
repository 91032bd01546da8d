"""The Action center and the dialogs of actions, as people use them."""

import csv
import io

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import DeviceGroup, User
from remediation.models import ActionRun
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory
from tests.factories.remediation import Company, ask, company, done, incident_naming

pytestmark = pytest.mark.django_db
PAGES = ("/actions/{0}/", "/actions/{0}/approve/", "/actions/{0}/reject/", "/actions/{0}/withdraw/",
         "/actions/{0}/cancel/", "/actions/{0}/undo/")  # fmt: skip


@pytest.fixture
def world(db: None) -> Company:
    return company()


def text(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, url
    return response.content.decode()


def test_an_analyst_asks_in_a_dialog_that_says_what_will_happen(
    client: Client, ada: User, signed_in: SignedIn, world: Company
) -> None:
    device = world.device()
    incident = incident_naming(device)
    url = f"/actions/ask/device/{device.pk}/device.isolate/"
    dialog = text(signed_in(client, ada), f"{url}?incident={incident.pk}")
    assert "cut off from the network" in dialog
    assert "must approve" in dialog

    answer = client.post(url, {"reason": "Encrypts files", "isolation_type": "full", "incident": incident.pk})

    run = ActionRun.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/actions/{run.pk}/")
    assert (run.incident, run.comment, run.decision) == (incident, "Encrypts files", "pending")


def test_a_request_without_a_reason_is_asked_again(
    client: Client, ada: User, signed_in: SignedIn, world: Company
) -> None:
    url = f"/actions/ask/device/{world.device().pk}/device.isolate/"

    assert signed_in(client, ada).post(url, {"isolation_type": "full"}).status_code == 422
    assert not ActionRun.objects.exists()


def test_a_reader_of_reports_is_told_which_right_is_missing(
    client: Client, mona: User, signed_in: SignedIn, world: Company
) -> None:
    url = f"/actions/ask/device/{world.device().pk}/device.isolate/"

    answer = signed_in(client, mona).post(url, {"reason": "because", "isolation_type": "full"})

    assert answer.status_code == 422
    assert "lacks the right" in answer.content.decode()


def test_a_second_request_on_the_same_part_leads_to_the_open_run(
    client: Client, ada: User, signed_in: SignedIn, world: Company
) -> None:
    device = world.device()
    run = ask(ada, "device.isolate", device)

    dialog = text(signed_in(client, ada), f"/actions/ask/device/{device.pk}/device.isolate/")

    assert f"/actions/{run.pk}/" in dialog
    assert run.number in dialog


def test_the_asker_sees_why_somebody_else_must_approve(
    client: Client, rita: User, signed_in: SignedIn, world: Company
) -> None:
    run = ask(rita, "device.isolate", world.device())

    assert "waits for somebody else to decide" in text(signed_in(client, rita), "/actions/")
    assert client.post(f"/actions/{run.pk}/approve/", {"reason": "me too"}).status_code == 422
    run.refresh_from_db()
    assert run.decision == "pending"


def test_another_person_approves(client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company) -> None:
    run = ask(ada, "device.isolate", world.device())

    signed_in(client, rita).post(f"/actions/{run.pk}/approve/", {"reason": "Confirmed by phone"})

    run.refresh_from_db()
    assert (run.decision, run.decision_comment) == ("approved", "Confirmed by phone")


def test_a_rejection_needs_a_reason(client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company) -> None:
    run = ask(ada, "device.isolate", world.device())
    signed_in(client, rita)

    assert client.post(f"/actions/{run.pk}/reject/", {}).status_code == 422
    assert client.post(f"/actions/{run.pk}/reject/", {"reason": "Wrong host"}).status_code == 302
    run.refresh_from_db()
    assert run.decision == "rejected"


def test_the_story_of_a_run_ends_with_how_it_was_verified(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    run = done(ada, rita, "device.isolate", world.device())

    page = text(signed_in(client, ada), f"/actions/{run.pk}/")

    assert "SIMULATED" in page
    assert run.verification["method"] in page
    assert f"/actions/{run.pk}/undo/" in page


def test_undo_is_asked_for_as_a_second_run(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    run = done(ada, rita, "device.isolate", world.device())

    signed_in(client, ada).post(f"/actions/{run.pk}/undo/", {"reason": "Cleaned"})

    second = ActionRun.objects.get(undoes=run)
    assert (second.action, second.decision) == ("device.release", "pending")


def test_several_requests_of_one_kind_are_decided_at_once_and_each_by_itself(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    runs = [ask(ada, "device.isolate", world.device()), ask(rita, "device.isolate", world.device())]
    ids = [run.pk for run in runs]

    signed_in(client, rita).post("/actions/decide/", {"id": ids, "what": "approve", "reason": "Both"})

    assert [ActionRun.objects.get(pk=pk).decision for pk in ids] == ["approved", "pending"]


def test_requests_of_different_kinds_are_not_decided_together(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    runs = [ask(ada, "device.isolate", world.device()), ask(ada, "identity.disable", world.identity())]

    answer = signed_in(client, rita).post("/actions/decide/", {"id": [run.pk for run in runs], "reason": "Both"})

    assert answer.status_code == 422


@pytest.mark.parametrize("page", PAGES)
def test_a_run_outside_the_scope_is_not_found(
    client: Client, ada: User, eve: User, signed_in: SignedIn, world: Company, page: str
) -> None:
    here: DeviceGroup = DeviceGroupFactory.create()
    run = ask(ada, "device.isolate", world.device(group=here))
    signed_in(client, eve)

    status = client.get(page.format(run.pk)).status_code

    assert status == (403 if page.endswith(("approve/", "reject/")) else 404)
    assert run.target_name not in text(client, "/actions/") + text(client, "/actions/history/")


def test_a_target_outside_the_scope_cannot_even_be_asked_about(
    client: Client, eve: User, signed_in: SignedIn, world: Company
) -> None:
    device = world.device(group=DeviceGroupFactory.create())

    assert signed_in(client, eve).get(f"/actions/ask/device/{device.pk}/device.isolate/").status_code == 404


def test_the_export_equals_the_filtered_history(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    done(ada, rita, "device.isolate", world.device())
    scan = done(ada, rita, "device.antivirus_scan", world.device())
    signed_in(client, ada)

    export = client.get("/actions/history/export/?action=device.antivirus_scan")
    rows = list(csv.DictReader(io.StringIO(export.getvalue().decode())))

    assert [(row["run"], row["simulated"]) for row in rows] == [(scan.number, "SIMULATED")]


def test_a_page_of_history_costs_the_same_however_many_rows_it_has(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    for _ in range(6):
        done(ada, rita, "device.antivirus_scan", world.device())
    signed_in(client, ada)

    with django_assert_max_num_queries(16):
        client.get("/actions/history/")


def test_the_tab_of_an_incident_shows_what_waits_and_what_was_refused(
    client: Client, ada: User, signed_in: SignedIn, world: Company
) -> None:
    device = world.device()
    incident = incident_naming(device)
    ask(ada, "device.isolate", device, incident=incident)

    page = text(signed_in(client, ada), f"/actions/of/incident/{incident.pk}/")

    assert "Waiting for a decision" in page
    assert f"Isolate {device}" in page


def test_what_a_person_may_decide_waits_for_that_person_only(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    run = ask(ada, "device.isolate", world.device())

    assert f"/actions/{run.pk}/approve/" in text(signed_in(client, rita), "/waiting/")
    assert f"#approval-{run.pk}" in text(client, "/overview/")
    assert f"/actions/{run.pk}/approve/" not in text(signed_in(client, ada), "/waiting/")
    assert f"#approval-{run.pk}" not in text(client, "/overview/")


def test_a_run_is_found_by_its_number(client: Client, ada: User, signed_in: SignedIn, world: Company) -> None:
    run = ask(ada, "device.isolate", world.device())

    assert f'href="/actions/{run.pk}/"' in text(signed_in(client, ada), f"/search/?q={run.number}")
