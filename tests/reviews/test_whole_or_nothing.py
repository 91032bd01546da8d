"""A review tells the whole story or none of it: also what was done on devices that no alert of the incident names."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from core import clock
from incidents.models import Device, Incident
from incidents.queries.told_beside import also_tells_of
from live_response.enums import SessionState
from live_response.models import LiveSession
from remediation.models import Recovery
from tests.conftest import SignedIn
from tests.factories.incidents import DeviceFactory, incident_about
from tests.factories.remediation import ask, company

pytestmark = pytest.mark.django_db


def session(incident: Incident, device: Device, ada: User) -> None:
    LiveSession.objects.create(
        device=device, agent_id="a" * 64, incident=incident, reason="What runs there?", user=ada, started=clock.now(),
        opened_by=ada.actor.as_json(), state=SessionState.DISCONNECTED, ended=clock.now(),
    )  # fmt: skip


def recovery(incident: Incident, device: Device, ada: User) -> None:
    Recovery.objects.create(incident=incident, device=device, began_by=ada.actor.as_json())


def action(incident: Incident, device: Device, ada: User) -> None:
    ask(ada, "device.isolate", device, incident=incident)


WORK = [session, recovery, action]


@pytest.fixture
def incident(elsewhere: DeviceGroup) -> Incident:
    """All its alerts lie in the group that eve sees."""
    return incident_about(DeviceFactory.create(device_group=elsewhere), status="resolved", resolved=clock.now())


def reads(client: Client, incident: Incident) -> tuple[int, bool]:
    """What the review answers, and whether the incident offers it."""
    page = client.get(f"/incidents/{incident.pk}/").content.decode()
    return client.get(f"/reviews/{incident.pk}/").status_code, f"/incidents/{incident.pk}/review/" in page


@pytest.mark.parametrize("work", WORK)
def test_who_does_not_see_a_device_that_was_worked_on_reads_no_review(
    work: Callable[[Incident, Device, User], None], incident: Incident, client: Client, signed_in: SignedIn, ada: User,
    eve: User,
) -> None:  # fmt: skip
    signed_in(client, eve)
    assert reads(client, incident) == (200, True)
    work(incident, company().device(), ada)
    assert reads(client, incident) == (404, False)
    assert not Incident.objects.wholly_visible_to(eve).exists()


@pytest.mark.parametrize("work", WORK)
def test_work_on_a_device_in_sight_takes_no_review_away(
    work: Callable[[Incident, Device, User], None], incident: Incident, client: Client, signed_in: SignedIn, ada: User,
    eve: User, elsewhere: DeviceGroup,
) -> None:  # fmt: skip
    device = company().device()
    Device.objects.filter(pk=device.pk).update(device_group=elsewhere)
    device.refresh_from_db()
    work(incident, device, ada)
    assert reads(signed_in(client, eve), incident) == (200, True)


def test_a_room_says_once_what_it_tells_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("incidents.queries.told_beside._tellers", {})
    also_tells_of("mine", lambda seen: seen)
    with pytest.raises(LookupError):
        also_tells_of("mine", lambda seen: seen)
