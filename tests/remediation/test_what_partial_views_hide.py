"""Somebody who sees a part of a run or an incident learns nothing of the rest."""

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from core import options
from incidents.models import Incident
from remediation.models import ActionRun
from remediation.refused import Refused
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory
from tests.factories.remediation import (
    SETTER,
    Company,
    DeviceFactory,
    FileFactory,
    ask,
    company,
    incident_naming,
    saw,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> Company:
    return company()


def test_devices_of_a_file_action_outside_the_scope_are_counted_not_named(
    client: Client, ada: User, eve: User, elsewhere: DeviceGroup, signed_in: SignedIn, world: Company
) -> None:
    file, hers = FileFactory.create(), world.device(group=elsewhere)
    hidden = world.device(group=DeviceGroupFactory.create())
    saw(file, hers, hidden)
    run = ask(ada, "file.quarantine", file)
    assert run.children.count() == 2

    page = signed_in(client, eve).get(f"/actions/{run.pk}/").content.decode()

    assert str(hers) in page
    assert str(hidden) not in page
    assert "1 device outside your device groups" in page


def test_refusals_about_things_outside_the_scope_are_not_shown(
    client: Client, ada: User, eve: User, elsewhere: DeviceGroup, signed_in: SignedIn, world: Company
) -> None:
    hers, hidden = DeviceFactory.create(device_group=elsewhere), DeviceFactory.create()
    incident = incident_naming(hers, hidden, device_group_ids=[elsewhere.pk, hidden.device_group_id], open_to_all=False)
    for device in (hers, hidden):  # neither is bound to anything
        with pytest.raises(Refused):
            ask(ada, "device.isolate", device, incident=incident)

    tab = f"/actions/of/incident/{incident.pk}/"
    seen = signed_in(client, eve).get(tab).content.decode()

    assert str(hers) in seen
    assert str(hidden) not in seen
    assert str(hidden) in signed_in(client, ada).get(tab).content.decode()


@pytest.mark.parametrize("number", ["²", "9" * 5000, "-1", "\x00"])
def test_numbers_that_are_none_are_not_found(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company, number: str
) -> None:
    device = world.device()
    asked = signed_in(client, ada).post(
        f"/actions/ask/device/{device.pk}/device.isolate/",
        {"reason": "Spreads", "isolation_type": "full", "incident": number},
    )
    assert asked.status_code == 404
    assert signed_in(client, rita).get("/actions/decide/", {"id": number}).status_code == 400
    assert not ActionRun.objects.exists()
    assert not Incident.objects.exists()


def test_a_search_with_nul_is_a_search_without_it(client: Client, ada: User, signed_in: SignedIn) -> None:
    assert signed_in(client, ada).get("/actions/history/", {"search": "a\x00b"}).status_code == 200


def test_the_outcome_of_many_decisions_is_told_one_by_one(
    client: Client, rita: User, signed_in: SignedIn, world: Company
) -> None:
    options.put("caps.devices_by_person", 0, actor=SETTER)
    runs = [ask(rita, "device.isolate", world.device()) for _ in range(30)]

    answer = signed_in(client, rita).post(
        "/actions/decide/", {"id": [run.pk for run in runs], "what": "approve", "reason": "Go"},
        headers={"HX-Request": "true"},
    )  # fmt: skip

    said = answer.content.decode()
    assert (answer.status_code, "0 of 30 approved" in said) == (200, True)
    assert all(run.number in said for run in runs)
