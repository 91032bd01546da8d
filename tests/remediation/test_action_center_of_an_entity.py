"""The Action center of one device, file, account or mailbox, as a tab of its page and as a pane beside a list."""

import pytest
from django.test import Client

from accounts.models import User
from connectors.kinds.simulator import world
from remediation.models import ActionRun, ControlState
from remediation.services.drift import look_at
from tests.conftest import SignedIn
from tests.factories.remediation import Company, FileFactory, ask, company, done, saw

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    return company()


def text(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, url
    return response.content.decode()


@pytest.mark.parametrize("end", ["", "pane/"])
def test_it_tells_what_waits_what_is_in_force_and_what_was_done(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn, end: str
) -> None:
    device = place.device()
    run = done(ada, rita, "device.isolate", device)
    waiting = ask(ada, "device.restrict_execution", device)
    page = text(signed_in(client, rita), f"/actions/of/device/{device.pk}/{end}")
    assert f"/actions/{waiting.pk}/approve/" in page
    assert "Active" in page
    assert ": isolated" in page
    assert run.number in page
    assert f"of=device%3A{device.pk}" in page


def test_the_link_to_all_leads_to_exactly_its_runs(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    device, other = place.device(), place.device()
    run = done(ada, rita, "device.isolate", device)
    done(ada, rita, "device.isolate", other)
    page = signed_in(client, ada).get(f"/actions/history/?of=device:{device.pk}")
    assert [row["run"] for row in page.context["rows"]] == [run]
    assert [chip["value"] for chip in page.context["chips"]][-1] == str(device)


def test_of_a_file_it_tells_on_which_devices_it_is_quarantined(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    file, device = FileFactory.create(), place.device()
    world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, device)
    done(ada, rita, "file.quarantine", file)
    page = text(signed_in(client, ada), f"/actions/of/file/{file.pk}/")
    assert str(device) in page
    assert ": quarantined" in page
    whole = ActionRun.objects.get(target_kind="file", target_id=file.pk, parent=None)
    assert "anded over" not in text(client, f"/actions/{whole.pk}/")  # its parts were, each by itself
    assert "receipt kept" in text(client, f"/actions/{whole.children.get().pk}/")


def test_drift_shows_on_the_page_of_the_entity_on_its_run_and_among_what_is_in_force(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    device = place.device()
    run = done(ada, rita, "device.isolate", device)
    world.change_behind_our_back(place.connection, "device", device.key, network="connected")
    state = look_at(ControlState.objects.get())
    signed_in(client, ada)
    for url in (f"/devices/{device.pk}/", f"/actions/of/device/{device.pk}/pane/", f"/actions/{run.pk}/",
                "/actions/in-force/", "/actions/in-force/?drift=1&kind=device", "/actions/history/"):  # fmt: skip
        assert "Drift</span>" in text(client, url), url
    assert str(device) not in text(client, "/actions/in-force/?kind=mailbox")
    dialog = text(client, f"/actions/in-force/{state.pk}/reconcile/")
    assert "Isolated is wanted, connected was seen." in dialog
    assert "Ask for it again" in dialog


def test_a_person_reconciles_all_drifts_that_are_left_checked(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    states = []
    for _ in range(3):
        device = place.device()
        done(ada, rita, "device.isolate", device)
        world.change_behind_our_back(place.connection, "device", device.key, network="connected")
        states.append(look_at(ControlState.objects.get(target_id=device.pk)))
    signed_in(client, ada)
    dialog = text(client, "/actions/in-force/reconcile/")
    assert dialog.count('name="state"') == 3
    assert client.post("/actions/in-force/reconcile/", {"reason": "Still infected"}).status_code == 422
    client.post("/actions/in-force/reconcile/", {"reason": "Still", "state": [states[0].pk, states[1].pk]})
    asked = ActionRun.objects.pending().values_list("target_id", "action")
    assert set(asked) == {(state.target_id, "device.isolate") for state in states[:2]}


def test_lists_of_entities_open_it_as_a_pane(
    client: Client, place: Company, ada: User, rita: User, eve: User, signed_in: SignedIn
) -> None:
    device = place.device()
    assert f'data-pane="/actions/of/device/{device.pk}/pane/"' in text(signed_in(client, ada), "/devices/")
    assert signed_in(client, eve).get(f"/actions/of/device/{device.pk}/pane/").status_code == 404
