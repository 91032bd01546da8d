"""CSV of Pending and of In force: the rows of the view, under the same filters and in the same scope."""

import csv
import io

import pytest
from django.test import Client

from accounts.models import User
from remediation.models import ControlState
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory, person
from tests.factories.remediation import Company, ask, company, done, incident_naming
from tests.remediation.test_pages import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    return company()


def lines(client: Client, url: str) -> list[dict[str, str]]:
    response = client.get(url)
    assert response.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


def test_the_export_of_what_waits_is_the_list_in_its_order(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    devices = [place.device() for _ in range(2)]
    lesser = ask(ada, "device.isolate", devices[0])
    graver = ask(ada, "device.isolate", devices[1], incident=incident_naming(devices[1], priority_score=90))
    page = signed_in(client, rita)
    rows = lines(page, "/actions/pending/export/")
    assert [row["run"] for row in rows] == [graver.number, lesser.number]
    assert (rows[0]["incident_name"], rows[0]["reason"], rows[0]["decision"]) == (
        "Hands-on-keyboard attack", "Spreads ransomware", "you may decide")  # fmt: skip
    assert [row["run"] for row in lines(page, "/actions/pending/export/?sort=expiry")] == [
        lesser.number, graver.number]  # fmt: skip


def test_what_i_can_decide_is_counted_and_exported_alike(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    own, other = ask(rita, "device.isolate", place.device()), ask(ada, "device.isolate", place.device())
    page = signed_in(client, rita).get("/actions/?mine=1")
    assert ([card["id"] for card in page.context["cards"]], page.context["shown"]) == ([other.pk], 1)
    assert page.context["total"] == 2
    assert "/actions/pending/export/?mine=1" in page.content.decode()
    assert [row["run"] for row in lines(client, "/actions/pending/export/?mine=1")] == [other.number]
    both = {row["run"]: row["decision"] for row in lines(client, "/actions/pending/export/")}
    assert "Your own request" in both[own.number]


def test_the_export_of_what_is_in_force_is_the_filtered_list(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    device, person_there = place.device(), place.identity()
    run = done(ada, rita, "device.isolate", device)
    done(ada, rita, "identity.disable", person_there)
    page = signed_in(client, ada)
    assert {row["target_kind"] for row in lines(page, "/actions/in-force/export/")} == {"device", "identity"}
    (row,) = lines(page, "/actions/in-force/export/?kind=device")
    assert (row["target"], row["wanted"], row["run"], row["simulated"]) == (
        str(device), "Isolated", run.number, "SIMULATED")  # fmt: skip
    assert (row["drift"], row["ends"]) == ("", "when taken back")
    assert lines(page, "/actions/in-force/export/?drift=1") == []


def test_an_export_holds_nothing_outside_the_scope(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    here, there = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    seen, hidden = place.device(group=here), place.device(group=there)
    done(ada, rita, "device.isolate", hidden)
    ask(ada, "device.restrict_execution", hidden)
    done(ada, rita, "device.isolate", seen)
    asked = ask(ada, "device.restrict_execution", seen)
    page = signed_in(client, person("omar", "responder", groups=[here]))
    assert [row["target"] for row in lines(page, "/actions/in-force/export/")] == [str(seen)]
    assert [row["run"] for row in lines(page, "/actions/pending/export/")] == [asked.number]


def test_the_count_below_what_is_in_force_is_renewed_with_the_rows(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    done(ada, rita, "device.isolate", place.device())
    page = signed_in(client, ada).get("/actions/in-force/")
    assert (len(page.context["rows"]), page.context["total"]) == (1, 1)
    body = page.content.decode()
    assert 'hx-select-oob="#in-force-acts,#in-force-foot"' in body
    assert body.count('id="in-force-foot"') == body.count('id="in-force-acts"') == 1
    assert "When taken back" in body


def test_what_drifts_for_long_is_counted_once(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    done(ada, rita, "device.isolate", place.device())
    state = ControlState.objects.get()
    state.observed, state.drift_since = "connected", state.since
    state.save()
    page = signed_in(client, ada).get("/actions/in-force/?drift=1")
    assert (len(page.context["rows"]), page.context["total"], page.context["drifting"]) == (1, 1, 1)
    assert "/actions/in-force/export/?drift=1" in text(client, "/actions/in-force/?drift=1")
