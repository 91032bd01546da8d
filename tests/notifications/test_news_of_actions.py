"""What people hear of response actions, and of incidents they follow by a click."""

import pytest
from django.test import Client

from accounts.models import User
from core import outbox
from incidents.models import Device
from incidents.services.create_incident import create_incident
from notifications.models import Message, Notice, Watch
from notifications.services.route import route_due
from remediation.enums import RunStatus
from remediation.models import ActionRun
from remediation.services.tell_of import run_ended
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory
from tests.factories.remediation import ask, company

pytestmark = pytest.mark.django_db


@pytest.fixture
def device(db: None) -> Device:
    return company().device()


def heard_by(user: User) -> list[tuple[str, str]]:
    outbox.deliver()
    route_due()
    return list(Notice.objects.filter(user=user).order_by("pk").values_list("topic", "title"))


def test_a_request_is_told_to_those_who_decide_and_not_to_who_asked(
    device: Device, ada: User, rita: User, mona: User
) -> None:
    ask(ada, "device.isolate", device, isolation_type="full")
    assert heard_by(rita) == [("action.waiting", f"Isolate device on {device} waits for a decision")]
    assert heard_by(ada) == []
    assert heard_by(mona) == []


def test_the_outcome_is_told_once_to_who_asked(device: Device, ada: User, rita: User) -> None:
    run = ask(ada, "device.isolate", device, isolation_type="full")
    ActionRun.objects.filter(pk=run.pk).update(status=RunStatus.CANCELLED)
    for _ in range(2):
        run_ended(run.pk, RunStatus.FAILED)
    run_ended(run.pk, RunStatus.CANCELLED)
    assert heard_by(ada) == [("action.failed", f"Isolate device on {device}: failed")]
    assert [topic for topic, _ in heard_by(rita)] == ["action.waiting"]


def test_of_an_action_outside_the_scope_nobody_hears(device: Device, ada: User, eve: User) -> None:
    Device.objects.update(device_group=DeviceGroupFactory.create(name="Here"))
    eve.roles.set(User.objects.get(pk=ada.pk).roles.all())
    device.refresh_from_db()
    run = ask(ada, "device.isolate", device, isolation_type="full")
    ActionRun.objects.filter(pk=run.pk).update(requester_id=eve.pk)
    run_ended(run.pk, RunStatus.FAILED)
    assert heard_by(eve) == []
    assert Message.objects.filter(topic="action.failed").exists()


def test_an_incident_is_followed_and_left_by_a_click(
    client: Client, signed_in: SignedIn, mona: User, eve: User, device: Device
) -> None:
    group = DeviceGroupFactory.create(name="Here")
    Device.objects.update(device_group=group)
    device.refresh_from_db()
    row = create_incident("x", severity="low", actor=mona.actor, entities=[device])
    signed_in(client, mona).post(f"/incidents/{row.pk}/follow/")
    assert Watch.objects.get().user == mona
    assert 'aria-pressed="true"' in client.get(f"/incidents/{row.pk}/head/").content.decode()
    client.post(f"/incidents/{row.pk}/follow/")
    assert not Watch.objects.exists()
    assert signed_in(client, eve).post(f"/incidents/{row.pk}/follow/").status_code == 404
