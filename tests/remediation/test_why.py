"""The page that says why somebody can or cannot: the policy's own rules, and no more than the reader may see."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from accounts.services.tokens import issue_token
from incidents.models import Device
from remediation.catalog import get
from remediation.models import ActionRun, Refusal
from remediation.policy import RULES, Answer, Verdict
from remediation.queries.refusals import refusals_visible_to
from remediation.refused import Refused
from remediation.services.explain import explain
from remediation.services.stop import stop_everything
from tests.conftest import SignedIn
from tests.factories.brakes import cap, shield
from tests.factories.remediation import SETTER, Company, DeviceFactory, ask, company, incident_naming

pytestmark = pytest.mark.django_db
Brake = Callable[[Company, Device, User], object]


@pytest.fixture
def place(db: None) -> Company:
    return company()


def no_to(person: User, device: Device) -> Answer | None:
    answers = explain(person, get("device.isolate"), device, reader=person)[0].answers
    return next((one for one in answers if one.verdict == Verdict.NO), None)


def full(place: Company, _device: Device, ada: User) -> None:
    cap(1)
    ask(ada, "device.isolate", place.device())


BRAKES: dict[str, Brake] = {
    "protected": lambda _place, device, _ada: shield(device, "portal"),
    "cap": full,
    "free": lambda _place, device, ada: ask(ada, "device.isolate", device),
    "active": lambda _place, _device, ada: User.objects.filter(pk=ada.pk).update(is_active=False),
    "right": lambda _place, _device, ada: ada.roles.clear(),
}


@pytest.mark.parametrize("rule", sorted(BRAKES))
def test_it_says_what_a_request_is_told(rule: str, place: Company, ada: User, adam: User) -> None:
    device = place.device()
    BRAKES[rule](place, device, ada)
    person = User.objects.get(pk=ada.pk)
    with pytest.raises(Refused) as refusal:
        ask(person, "device.isolate", device)
    told = next(one for one in explain(person, get("device.isolate"), device, reader=adam)[0].answers
                if one.verdict == Verdict.NO)  # fmt: skip
    assert (told.rule, told.says) == (refusal.value.rule, refusal.value.message) == (rule, refusal.value.message)


def test_every_rule_is_asked_whatever_the_others_say(place: Company, mona: User) -> None:
    asking, deciding = explain(mona, get("device.isolate"), DeviceFactory.create(), reader=mona)
    asked = [one.rule for one in asking.answers]
    assert asked == [rule.key for rule in RULES if rule.key in asked]
    assert {"right", "scope", "reach", "protected", "cap", "stopped"} <= set(asked)
    assert (asking.verdict, deciding.verdict) == (Verdict.NO, Verdict.NO)
    assert not Refusal.objects.exists()
    assert not ActionRun.objects.exists()


def test_yes_and_whom_it_waits_for(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    asking, deciding = explain(ada, get("device.isolate"), device, reader=ada)
    assert (asking.verdict, deciding.verdict) == (Verdict.WAITS, Verdict.NO)
    assert "Another person with the right to manage responses must approve" in asking.summary
    assert explain(rita, get("device.isolate"), device, reader=rita)[1].verdict == Verdict.YES
    stop_everything(actor=SETTER, reason="Halt")
    assert "Everything is stopped" in explain(ada, get("device.isolate"), device, reader=ada)[0].summary


def test_a_token_can_less_than_its_person(place: Company, adam: User) -> None:
    token, _ = issue_token(adam, name="t", lifetime=timedelta(days=1), actor=adam.actor, permissions=["ingest.write"])
    asking, deciding = explain(adam, get("device.isolate"), place.device(), token=token, reader=adam)
    assert {one.rule for one in asking.answers if one.verdict == Verdict.NO} >= {"right"}
    assert {one.rule for one in deciding.answers if one.verdict == Verdict.NO} >= {"token", "right"}


def test_the_page_answers_and_tells_no_more_than_the_reader_may_see(
    client: Client, place: Company, ada: User, eve: User, adam: User, signed_in: SignedIn
) -> None:
    device = place.device()
    query: dict[str, str | int] = {"person": eve.pk, "action": "device.isolate", "target": device.display_name}
    page = signed_in(client, adam).get("/actions/why/", query).content.decode()
    assert "lies outside the scope of Eve Sandberg" in page
    own = signed_in(client, eve).get("/actions/why/", query).content.decode()
    assert "No such target" in own
    others = signed_in(client, eve).get("/actions/why/", {**query, "person": ada.pk}).content.decode()
    assert "Ada Lindqvist" not in others


def test_the_number_of_a_run_that_the_reader_may_not_see_is_left_out(place: Company, ada: User, rita: User) -> None:
    device = place.device()
    run = ask(ada, "device.isolate", device, incident=incident_naming(device))
    run.incident.restricted = True  # type: ignore[union-attr]
    run.incident.save()  # type: ignore[union-attr]
    told = no_to(rita, device)
    assert told is not None
    assert (told.rule, told.says) == ("free", "Another run is open there.")


def test_a_refused_dialog_leads_there(client: Client, place: Company, ada: User, signed_in: SignedIn) -> None:
    device = place.device()
    shield(device, "portal")
    dialog = signed_in(client, ada).get(f"/actions/ask/device/{device.pk}/device.isolate/").content.decode()
    assert "is protected" in dialog
    assert f"/actions/why/?person={ada.pk}&amp;action=device.isolate" in dialog


def test_refusals_are_listed_with_their_inputs_for_those_who_read_the_audit_log(
    client: Client, place: Company, ada: User, mona: User, signed_in: SignedIn
) -> None:
    device = place.device()
    shield(device, "portal")
    with pytest.raises(Refused):
        ask(ada, "device.isolate", device)
    signed_in(client, mona)
    page = client.get("/admin/refusals/", {"rule": "protected", "who": "ada"}).content.decode()
    assert "Signs everybody in." in page
    assert "No refusal matches" in client.get("/admin/refusals/", {"rule": "cap"}).content.decode()
    pane = client.get(f"/admin/refusals/{Refusal.objects.get().pk}/").content.decode()
    assert "this device" in pane
    assert "The account is switched on" in pane
    assert signed_in(client, ada).get("/admin/refusals/").status_code == 403


def test_the_refusal_of_a_hidden_incident_is_hidden(place: Company, ada: User, mona: User) -> None:
    device = place.device()
    secret = incident_naming(device)
    shield(device, "portal")
    with pytest.raises(Refused):
        ask(ada, "device.isolate", device, incident=secret)
    assert refusals_visible_to(mona).count() == 1
    secret.restricted = True
    secret.save()
    assert refusals_visible_to(mona).count() == 0
