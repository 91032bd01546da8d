"""One person approves alone: somebody else ratifies, or it is rolled back with an alarm."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from accounts.services.tokens import issue_token
from connectors.kinds.simulator import world
from core import clock
from incidents.models import Device
from notifications.models import Message
from remediation.models import ActionRun, EmergencyApproval
from remediation.refused import Refused
from remediation.services.carry_out import carry_out
from remediation.services.emergency import approve_alone, disown, ratify, roll_back_due
from tests.conftest import SignedIn
from tests.factories.brakes import alone, lead, put, shield
from tests.factories.remediation import Company, FileFactory, ask, company, incident_naming, saw

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=4, minutes=1)


@pytest.fixture
def place(db: None) -> Company:
    return company()


def refused(user: User, run: ActionRun) -> str:
    with pytest.raises(Refused) as refusal:
        alone(user, run)
    run.refresh_from_db()
    assert (run.decision, run.emergency) == ("pending", False)
    return refusal.value.code


def test_the_one_who_asked_approves_alone_and_it_is_carried_out(place: Company) -> None:
    lena = lead()
    device = place.device()
    run = ask(lena, "device.isolate", device)
    approval = alone(lena, run)
    assert carry_out(run).status == "succeeded"
    assert (approval.state, approval.by_id, run.emergency) == ("open", lena.pk, True)
    assert place.state(device)["network"] == "isolated"


def test_it_takes_its_own_right(place: Company, rita: User) -> None:
    assert refused(rita, ask(rita, "device.isolate", place.device())) == "forbidden"


def test_a_token_never_approves_alone(place: Company) -> None:
    lena = lead()
    run = ask(lena, "device.isolate", place.device())
    token, _ = issue_token(lena, name="t", lifetime=timedelta(days=1), may_decide=True, actor=lena.actor)
    with pytest.raises(Refused) as refusal:
        approve_alone(run, actor=token.actor, user=lena, comment="Because")
    assert refusal.value.code == "forbidden"


def test_servers_and_protected_assets_always_take_two_people(place: Company) -> None:
    lena, server, controller = lead(), place.device(), place.device()
    server.os_platform = "Windows Server 2022"
    server.save()
    shield(controller)
    assert refused(lena, ask(lena, "device.isolate", server)) == "strict_four_eyes"
    assert refused(lena, ask(lena, "device.isolate", controller)) == "strict_four_eyes"
    put("approval.strict_classes", ["accounts"])
    assert refused(lena, ask(lena, "identity.disable", place.identity())) == "strict_four_eyes"


def test_a_file_is_not_taken_from_servers_or_protected_machines_by_one_person(place: Company) -> None:
    lena = lead()
    for number in range(2):
        file, other, special = FileFactory.create(), place.device(), place.device()
        if number:
            shield(special)
        else:
            Device.objects.filter(pk=special.pk).update(os_platform="Windows Server 2022")
        saw(file, other, special)
        assert refused(lena, ask(lena, "file.quarantine", file)) == "strict_four_eyes"


def test_somebody_else_ratifies(place: Company, rita: User) -> None:
    lena = lead()
    run = ask(lena, "device.isolate", place.device())
    approval = alone(lena, run)
    with pytest.raises(Refused) as refusal:
        ratify(approval, actor=lena.actor, user=lena, comment="I was right")
    assert refusal.value.code == "same_person"
    assert ratify(approval, actor=rita.actor, user=rita, comment="I agree").state == "ratified"
    with clock.at(clock.now() + LATER):
        roll_back_due()
    assert not ActionRun.objects.filter(undoes=run).exists()


def test_an_analyst_does_not_ratify(place: Company, ada: User) -> None:
    lena = lead()
    approval = alone(lena, ask(lena, "device.isolate", place.device()))
    with pytest.raises(Refused) as refusal:
        ratify(approval, actor=ada.actor, user=ada, comment="Fine")
    assert refusal.value.code == "forbidden"


def test_what_nobody_ratified_is_rolled_back_with_an_alarm(place: Company, rita: User) -> None:
    lena, device = lead(), place.device()
    run = ask(lena, "device.isolate", device)
    approval = alone(lena, run)
    carry_out(run)
    User.objects.filter(pk=lena.pk).update(is_active=False)
    with clock.at(clock.now() + LATER):
        roll_back_due()
        undo = ActionRun.objects.get(undoes=run)
        assert carry_out(undo).status == "succeeded"
    approval.refresh_from_db()
    assert (approval.state, approval.rolled_back, approval.undo_run) == ("lapsed", True, undo)
    assert (undo.source, undo.decision, undo.requester_id) == ("system", "not_required", None)
    assert place.state(device)["network"] == "connected"
    assert Message.objects.get(topic="approval.not_ratified").people == [rita.pk]


def test_what_has_not_left_is_cancelled(place: Company) -> None:
    lena = lead()
    run = ask(lena, "device.isolate", place.device(offline=True))
    approval = alone(lena, run)
    carry_out(run)
    with clock.at(clock.now() + LATER):
        roll_back_due()
    run.refresh_from_db()
    approval.refresh_from_db()
    assert (run.status, approval.rolled_back) == ("cancelled", True)
    assert "took no effect" in approval.outcome


def test_somebody_else_takes_it_back_at_once(place: Company, rita: User) -> None:
    lena = lead()
    run = ask(lena, "device.isolate", place.device())
    approval = alone(lena, run)
    carry_out(run)
    settled = disown(approval, actor=rita.actor, user=rita, comment="The wrong machine")
    assert (settled.state, settled.rolled_back) == ("disowned", True)
    assert carry_out(ActionRun.objects.get(undoes=run)).status == "succeeded"


def test_a_file_action_is_rolled_back_on_every_device(place: Company) -> None:
    lena, file = lead(), FileFactory.create()
    devices = [place.device(), place.device()]
    for device in devices:
        world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, *devices)
    run = ask(lena, "file.quarantine", file)
    alone(lena, run)
    assert carry_out(run).status == "succeeded"
    with clock.at(clock.now() + LATER):
        roll_back_due()
        undo = carry_out(ActionRun.objects.get(undoes=run, parent=None))
    assert (undo.status, undo.children.count()) == ("succeeded", 2)


def test_an_approval_alone_cannot_be_made_by_changing_the_row(place: Company, rita: User) -> None:
    lena = lead()
    run = ask(lena, "device.isolate", place.device())
    alone(lena, run)
    ActionRun.objects.filter(pk=run.pk).update(emergency=False)
    run.refresh_from_db()
    assert carry_out(run).result == {"refused": "seal_broken"}
    assert EmergencyApproval.objects.count() == 1


def test_it_is_loud_wherever_it_concerns_somebody(
    client: Client, place: Company, rita: User, signed_in: SignedIn
) -> None:
    lena, device = lead(), place.device()
    incident = incident_naming(device)
    run = ask(lena, "device.isolate", device, incident=incident)
    put("confirm.approve_alone", False)
    wanted = {"reason": "Nobody answers the phone"}
    assert signed_in(client, lena).post(f"/actions/{run.pk}/alone/", wanted).status_code == 302
    signed_in(client, rita)
    for page in ("/actions/", "/actions/brakes/", f"/actions/{run.pk}/", f"/incidents/{incident.pk}/"):
        told = client.get(page).content.decode()
        assert f"/actions/{run.pk}/ratify/" in told, page
    assert client.post(f"/actions/{run.pk}/ratify/", {"reason": "Agreed"}).status_code == 302
    assert f"/actions/{run.pk}/ratify/" not in client.get("/actions/").content.decode()
