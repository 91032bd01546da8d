"""Who decides on what, who else when they do not, and who is called."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import Role, User
from core import clock
from notifications.models import Message
from remediation.models import ActionRun, ApproverRule
from remediation.policy import decidable
from remediation.refused import Refused
from remediation.services.approver_rules import remove_rule, save_rule
from remediation.services.page_approvers import page_waiting
from soc_portal.navigation import count_for
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.brakes import approvers, put
from tests.factories.people import DeviceGroupFactory, person
from tests.factories.remediation import Company, approve, ask, company, done

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    return company()


def may(user: User, run: ActionRun) -> bool:
    """As the policy says it, and as lists and counts say it."""
    listed = decidable(ActionRun.objects.filter(pk=run.pk), user).exists()
    if listed:
        return approve(user, run).decision == "approved"
    with pytest.raises(Refused) as refusal:
        approve(user, run)
    return refusal.value.code != "not_an_approver"


def test_only_those_named_decide(place: Company, ada: User, rita: User) -> None:
    omar = person("omar", "responder")
    approvers(omar)
    run = ask(ada, "device.isolate", place.device())
    assert not may(rita, run)
    assert count_for(rita).decisions_for_me == 0
    assert may(omar, run)


def test_a_dialog_says_who_could_approve_before_anybody_asks(
    place: Company, ada: User, rita: User, client: Client, signed_in: SignedIn
) -> None:
    url = f"/actions/ask/device/{place.device(group=DeviceGroupFactory.create()).pk}/device.isolate/"

    def asked(user: User) -> str:
        return str(signed_in(client, user).get(url).content.decode())

    assert f"Only {rita} can approve it now." in asked(ada)
    alone = asked(rita)
    assert "Nobody can approve it now" in alone
    assert "can approve it now. The" not in alone
    person("omar", "responder", groups=[])
    assert f"Only {rita} can approve it now." in asked(ada)
    lea = person("lea", "responder")
    assert f"Only {lea} can approve it now." in asked(rita)
    person("tom", "responder")
    assert "3 people can approve it now." in asked(ada)
    approvers(lea)
    assert f"{lea} must approve. Only {lea} can approve it now." in asked(ada)


def test_the_dialog_of_an_undo_says_it_too(
    place: Company, ada: User, rita: User, client: Client, signed_in: SignedIn
) -> None:
    run = done(ada, rita, "device.isolate", place.device())
    url = f"/actions/{run.pk}/undo/"
    assert f"Only {rita} can approve it now." in signed_in(client, ada).get(url).content.decode()
    assert "Nobody can approve it now" in signed_in(client, rita).get(url).content.decode()


def test_the_narrowest_rule_holds(place: Company, ada: User, rita: User) -> None:
    omar, lea, group = person("omar", "responder"), person("lea", "responder"), DeviceGroupFactory.create()
    approvers(omar)
    approvers(lea, risk="high")
    approvers(rita, group=group, action="device.isolate")
    there, here = ask(ada, "device.isolate", place.device(group=group)), ask(ada, "device.isolate", place.device())
    assert not may(lea, there)
    assert may(rita, there)
    assert not may(omar, here)
    assert may(lea, here)


def test_fallback_approvers_decide_after_their_minutes(place: Company, ada: User, rita: User) -> None:
    omar = person("omar", "responder")
    approvers(omar, fallbacks=[rita], minutes=10)
    run = ask(ada, "device.isolate", place.device())
    assert not may(rita, run)
    with clock.at(clock.now() + timedelta(minutes=11)):
        assert may(rita, run)


def test_the_pending_page_says_for_whom_it_waits(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    omar = person("omar", "responder", name="Omar Aziz")
    approvers(omar, fallbacks=[rita], minutes=10)
    run = ask(ada, "device.isolate", place.device())
    page = signed_in(client, rita).get("/actions/").content.decode()
    assert "Omar Aziz; from" in page
    assert "also Rita Moreno" in page
    assert f"/actions/{run.pk}/approve/" not in page


def test_whoever_may_not_decide_cannot_be_named(ada: User, rita: User) -> None:
    with pytest.raises(ValidationError):
        approvers(ada)
    with pytest.raises(ValidationError):
        approvers(rita, action="device.isolate", risk="high")
    approvers(rita)
    with pytest.raises(ValidationError):
        approvers(rita)


def test_containment_that_waits_calls_its_approvers_then_the_fallback(place: Company, ada: User, rita: User) -> None:
    omar = person("omar", "responder")
    approvers(omar, fallbacks=[rita], minutes=10)
    run = ask(ada, "device.isolate", place.device())
    assert page_waiting() == 0
    with clock.at(clock.now() + timedelta(minutes=6)):
        assert (page_waiting(), page_waiting()) == (1, 0)
    with clock.at(clock.now() + timedelta(minutes=11)):
        assert (page_waiting(), page_waiting()) == (1, 0)
    told = Message.objects.filter(topic="approval.waits").order_by("pk")
    assert [message.people for message in told] == [[omar.pk], sorted([omar.pk, rita.pk])]
    assert list(run.pages.order_by("step").values_list("step", flat=True)) == [1, 2]


def test_what_is_decided_calls_nobody(place: Company, ada: User, rita: User) -> None:
    approve(rita, ask(ada, "device.isolate", place.device()))
    with clock.at(clock.now() + timedelta(minutes=20)):
        assert page_waiting() == 0


def test_an_administrator_names_approvers(client: Client, adam: User, rita: User, signed_in: SignedIn) -> None:
    put("confirm.brakes_change", False)
    signed_in(client, adam)
    wanted = {"what": "risk:high", "approvers": [rita.pk], "fallbacks": [adam.pk], "fallback_after_min": 5, "note": ""}
    assert client.post("/admin/approvers/new/", wanted).status_code == 302
    page = client.get("/admin/approvers/").content.decode()
    assert "Every high impact action" in page
    assert "after 5 min" in page
    assert client.post("/admin/approvers/new/", {**wanted, "approvers": []}).status_code == 422


def test_who_decides_is_said_by_whoever_may_decide_there(place: Company, rita: User) -> None:
    """Neither who cannot decide nor who sees other groups takes the names away, which would let others decide."""
    role = Role.objects.create(key="people", name="People", permissions=["authorization.manage"])
    clerk, group = person("clerk", "reader"), DeviceGroupFactory.create()
    clerk.roles.add(role)
    near = person("near", "admin", groups=[DeviceGroupFactory.create()])
    rules = [approvers(rita), approvers(rita, group=group)]
    for rule in rules:
        for actor in (clerk.actor, near.actor):
            with pytest.raises(ValidationError):
                remove_rule(rule, actor=actor, reason="x")
            with pytest.raises(ValidationError):
                save_rule(rule, device_group=None, action="", risk="", approvers=[near], fallbacks=[],
                          fallback_after_min=5, actor=actor)  # fmt: skip
    put("confirm.brakes_change", False)
    for who in (clerk, near):
        assert caller(who).post(f"/approvers/{rules[0].pk}/remove", {"reason": "x"}).code == "escalation"
    assert ApproverRule.objects.count() == 2
    own = approvers(rita, group=near.device_groups.get())
    remove_rule(own, actor=near.actor, reason="Nobody is left")
    assert ApproverRule.objects.count() == 2
