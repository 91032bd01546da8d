"""An open page about an action hears of everything that changes what it says."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from connectors.kinds.simulator import world as simulated
from core import live
from remediation.models import ActionRun
from remediation.services.carry_out import carry_out
from remediation.services.undo import undo_run
from remediation.views.titles import where_it_stands
from tests.conftest import SignedIn
from tests.factories.remediation import Company, FileFactory, approve, ask, company, done, saw
from tests.remediation.test_pages import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> Company:
    return company()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What open pages are told, as `topic:id`."""
    told: set[str] = set()

    def publish(topic: str, row_id: int | str, **listeners: Any) -> None:
        told.add(f"{topic}:{row_id}")

    monkeypatch.setattr(live, "publish", publish)
    return told


def topics_of(client: Client, run: ActionRun) -> set[str]:
    found = re.search(r'id="run-of-pane"[^>]* data-live="([^"]+)"', text(client, f"/actions/{run.pk}/"))
    assert found
    return set(found.group(1).split())


def undo(user: User, run: ActionRun) -> ActionRun:
    return undo_run(run, actor=user.actor, user=user, comment="Cleaned")


def test_the_page_of_a_run_hears_when_its_undo_is_asked_for_and_when_that_is_done(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company, heard: set[str]
) -> None:
    run = done(ada, rita, "device.isolate", world.device())
    topics = topics_of(signed_in(client, ada), run)
    heard.clear()

    second = undo(ada, run)
    assert heard & topics
    heard.clear()
    carry_out(approve(rita, second))

    assert heard & topics


def test_the_page_of_a_file_action_hears_of_the_undo_on_one_device(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company, heard: set[str]
) -> None:
    file, devices = FileFactory.create(), [world.device(), world.device()]
    for device in devices:
        simulated.put_file(world.connection, device.key, file.key, name=file.display_name, running=True)
    saw(file, *devices)
    parent = done(ada, rita, "file.quarantine", file)
    child = parent.children.order_by("pk")[0]
    topics = topics_of(signed_in(client, ada), parent)
    heard.clear()

    undo(ada, child)

    assert heard & topics


def test_a_device_page_hears_of_a_request_on_its_device_only(
    client: Client, ada: User, signed_in: SignedIn, world: Company, heard: set[str]
) -> None:
    device, other = world.device(), world.device()
    page = text(signed_in(client, ada), f"/devices/{device.pk}/")
    found = re.search(r'id="respond"[^>]* data-live="([^"]+)"', page)
    assert found
    topics = set(found.group(1).split())

    ask(ada, "device.isolate", other)
    assert not heard & topics
    ask(ada, "device.isolate", device)

    assert heard & topics


def test_a_run_on_a_page_of_its_own_stays_one_when_it_looks_again(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    run = done(ada, rita, "device.isolate", world.device())
    second = undo(ada, run)
    signed_in(client, ada)

    page = text(client, f"/actions/{second.pk}/")
    assert f'hx-get="/actions/{second.pk}/?alone=1"' in page
    assert 'hx-target="closest .pane"' in page
    assert '<a href="/actions/history/">' not in page  # waits still
    assert '<a href="/actions/">' in page

    again = client.get(f"/actions/{second.pk}/?alone=1", headers={"HX-Request": "true"}).content.decode()
    assert f'<a href="/actions/{run.pk}/">' in again


def test_who_asks_for_an_undo_is_told_that_somebody_else_must_approve(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    run = done(ada, rita, "device.isolate", world.device())
    headers = {"HX-Request": "true"}

    answer = signed_in(client, ada).post(f"/actions/{run.pk}/undo/", {"reason": "Cleaned"}, headers=headers)

    assert "Waits for another person to approve." in answer["HX-Trigger"]
    assert "waits for another person to approve" in text(client, f"/actions/{run.pk}/")


def test_what_is_said_of_a_run_takes_the_place_of_what_was_said_before(
    client: Client, ada: User, signed_in: SignedIn, world: Company
) -> None:
    headers, body = {"HX-Request": "true"}, {"reason": "Files are encrypted", "isolation_type": "full"}
    desk = signed_in(client, ada)

    asked = desk.post(f"/actions/ask/device/{world.device().pk}/device.isolate/", body, headers=headers)
    run = ActionRun.objects.get()
    withdrawn = desk.post(f"/actions/{run.pk}/withdraw/", {"reason": "Too early"}, headers=headers)

    said = [json.loads(answer["HX-Trigger"])["toast"] for answer in (asked, withdrawn)]
    assert [one["about"] for one in said] == [f"run:{run.pk}"] * 2
    assert "Waits for another person" in said[0]["detail"]
    assert "Waits" not in said[1]["detail"]


def test_what_is_said_of_a_run_that_is_over_already_is_how_it_ended(ada: User, rita: User, world: Company) -> None:
    asked = ask(ada, "device.isolate", world.device())
    assert where_it_stands(asked) == "Waits for another person to approve."
    stale = approve(rita, asked)
    assert "Its page tells what comes of it." in where_it_stands(stale)
    carry_out(ActionRun.objects.get(pk=asked.pk))
    assert where_it_stands(stale) == "Verified."


def test_a_form_that_is_the_page_leads_to_the_run_and_one_in_a_dialog_stays(
    client: Client, ada: User, signed_in: SignedIn
) -> None:
    url = f"/actions/ask/device/{company().device().pk}/device.isolate/"
    body = {"reason": "Files are encrypted", "isolation_type": "full"}
    signed_in(client, ada)
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{url}?incident=1"}
    page = client.post(url, body, headers=headers)
    run = ActionRun.objects.get()
    assert page.headers["HX-Redirect"] == f"/actions/{run.pk}/"
    run.delete()
    dialog = client.post(url, body, headers={**headers, "HX-Current-URL": "http://testserver/incidents/1/"})
    assert "dialog:close" in dialog.headers["HX-Trigger"]
    assert "HX-Redirect" not in dialog.headers
