"""After a person's undo nothing automatic redoes the action until a person lifts the hold."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.services.tokens import issue_token
from incidents.models import Device
from incidents.services.restrict import restrict_incident
from remediation.enums import Source
from remediation.models import ActionRun, Hold
from remediation.refused import Refused
from remediation.services.carry_out import carry_out
from remediation.services.holds import lift_hold
from remediation.services.request import request_action
from remediation.services.undo import undo_run
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.remediation import Company, approve, company, done, incident_naming

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    return company()


def undone(ada: User, rita: User, device: Device) -> Hold:
    run = done(ada, rita, "device.isolate", device)
    carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="A false alarm")))
    return Hold.objects.get()


def by_playbook(user: User, device: Device) -> ActionRun:
    return request_action("device.isolate", target=device, comment="Rule 7", actor=user.actor, user=user,
                          source=Source.PLAYBOOK)  # fmt: skip


def test_a_persons_undo_holds_what_is_automatic_back(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    hold = undone(ada, rita, device)
    assert (hold.target_id, hold.facet, hold.by["name"], hold.reason) == (
        device.pk, "network", "Ada Lindqvist", "A false alarm")  # fmt: skip
    with pytest.raises(Refused) as refusal:
        by_playbook(ada, device)
    assert (refusal.value.code, refusal.value.inputs["hold"]) == ("held", hold.pk)
    token, _ = issue_token(ada, name="t", lifetime=timedelta(days=1), actor=ada.actor)
    with pytest.raises(Refused) as refusal:
        request_action("device.isolate", target=device, comment="x", actor=token.actor, user=ada, source=Source.API)
    assert refusal.value.code == "held"


def test_a_person_may_redo_it(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    undone(ada, rita, device)
    assert done(ada, rita, "device.isolate", device).status == "succeeded"


def test_a_hold_that_began_after_the_approval_stops_the_execution(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    run = approve(rita, by_playbook(ada, device))
    Hold.objects.create(target_kind="device", target_id=device.pk, facet="network", run_id=1, by=rita.actor.as_json(),
                        reason="No")  # fmt: skip
    assert carry_out(run).result == {"refused": "held"}


def test_what_a_playbook_takes_back_leaves_no_hold(place: Company, ada: User, rita: User) -> None:
    run = done(ada, rita, "device.isolate", place.device())
    carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="x", source=Source.PLAYBOOK)))
    assert not Hold.objects.exists()


def test_a_person_lifts_it_and_a_token_does_not(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    hold = undone(ada, rita, device)
    token, _ = issue_token(rita, name="t", lifetime=timedelta(days=1), may_decide=True, actor=rita.actor)
    for actor, user in ((token.actor, rita), (ada.actor, ada)):
        with pytest.raises(Refused) as refusal:
            lift_hold(hold, actor=actor, user=user, comment="Now")
        assert refusal.value.code == "forbidden"
    lift_hold(hold, actor=rita.actor, user=rita, comment="It is infected after all")
    assert by_playbook(ada, device).decision == "pending"


def test_the_targets_page_shows_it_with_a_way_to_lift_it(
    client: Client, place: Company, ada: User, rita: User, eve: User, signed_in: SignedIn
) -> None:
    device = place.device()
    hold = undone(ada, rita, device)
    page = signed_in(client, rita).get(f"/actions/of/device/{device.pk}/").content.decode()
    assert "Network is held." in page
    assert "A false alarm" in page
    assert client.post(f"/actions/holds/{hold.pk}/lift/", {"reason": "Over"}).status_code == 302
    assert (Hold.objects.get().lifted_by or {})["name"] == "Rita Moreno"
    assert signed_in(client, eve).get(f"/actions/holds/{hold.pk}/lift/").status_code == 403


def test_a_hold_of_a_restricted_case_is_told_to_its_people_alone(
    place: Company, ada: User, rita: User, mona: User, signed_in: SignedIn
) -> None:
    device = place.device()
    hold = undone(ada, rita, device)
    incident = incident_naming(device)
    ActionRun.objects.update(incident=incident)
    restrict_incident(incident, people=[ada, rita], actor=ada.actor, reason="An insider")
    for reader, told in ((ada, True), (mona, False)):
        assert (caller(reader).get(f"/holds/{hold.pk}").status == 200) is told
        client = signed_in(Client(), reader)
        for address in ("/actions/brakes/", reverse("remediation:of_target", args=["device", device.pk])):
            assert ("A false alarm" in client.get(address).content.decode()) is told
