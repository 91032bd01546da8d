"""The brakes over the API: the same services, the same rights."""

from datetime import timedelta

import pytest

from accounts.models import User
from accounts.services.tokens import issue_token
from connectors.services import halt
from remediation.models import ApproverRule, Hold, ProtectedAsset
from tests.factories.api import caller
from tests.factories.brakes import alone, lead, put, shield
from tests.factories.remediation import Company, ask, company

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    put("confirm.tokens", False)
    return company()


def test_stopping_and_resuming(place: Company, rita: User, ada: User) -> None:
    client = caller(rita)
    assert client.post("/stop", {"reason": "Odd"}).body["stopped"] is True
    assert caller(ada).get("/stop").body["halt"]["reason"] == "Odd"
    assert caller(ada).post("/stop", {"reason": "x"}).status == 403
    assert caller(rita, may_decide=False).post("/stop/resume", {"reason": "x"}).status == 403
    assert halt.in_force() is not None
    assert client.post("/stop/resume", {"reason": "Over"}).body["halt"]["ended_reason"] == "Over"
    assert client.post("/stop/resume", {"reason": "Over"}).code == "not_stopped"


def test_why_rule_by_rule(place: Company, ada: User, eve: User, mona: User) -> None:
    device = place.device()
    shield(device, "portal")
    query = {"action": "device.isolate", "target_id": str(device.pk)}
    asking = caller(ada).get("/policy", **query).body["results"][0]
    assert (asking["stage"], asking["verdict"]) == ("request", "no")
    assert next(one for one in asking["answers"] if one["rule"] == "protected")["verdict"] == "no"
    assert caller(eve).get("/policy", **query).status == 404
    assert caller(ada).get("/policy", **{**query, "person_id": str(eve.pk)}).status == 404
    assert caller(mona).get("/policy", **{**query, "person_id": str(eve.pk)}).status == 200
    assert caller(ada).get("/policy", **{**query, "action": "nothing"}).status == 400


def test_a_token_neither_approves_alone_nor_lifts_a_hold(place: Company, rita: User) -> None:
    lena, device = lead(), place.device()
    run = ask(lena, "device.isolate", device)
    refused = caller(lena).post(f"/actions/{run.pk}/approve-alone", {"comment": "Now"})
    assert (refused.status, refused.code) == (403, "forbidden")
    hold = Hold.objects.create(target_kind="device", target_id=device.pk, facet="network", run_id=1,
                               by=rita.actor.as_json(), reason="No")  # fmt: skip
    assert caller(rita).post(f"/holds/{hold.pk}/lift", {"comment": "Now"}).status == 403
    assert caller(rita).get("/holds", lifted="false").body["results"][0]["target"]["id"] == str(device.pk)


def test_ratifying(place: Company, rita: User) -> None:
    lena = lead()
    approval = alone(lena, ask(lena, "device.isolate", place.device()))
    client = caller(rita)
    assert client.get("/emergencies", state="open").body["count"] == 1
    assert client.post(f"/emergencies/{approval.run_id}/ratify", {"comment": "Yes"}).body["state"] == "ratified"
    again = client.post(f"/emergencies/{approval.run_id}/disown", {"comment": "No"})
    assert (again.status, again.code) == (422, "already_settled")


def test_settings_of_the_brakes(place: Company, adam: User, rita: User) -> None:
    client = caller(adam)
    wanted = {"kind": "dns", "match_by": "name", "target_kind": "device", "pattern": "ns-*", "note": "Names"}
    made = client.post("/protections", wanted)
    assert (made.status, made.body["refuses"]) == (201, False)
    assert client.post("/protections", {**wanted, "pattern": "*"}).status == 400
    assert client.post(f"/protections/{made.body['id']}/remove", {"reason": "Moved"}).status == 204
    rule = client.post("/approvers", {"risk": "high", "approvers": [str(rita.pk)]})
    assert (rule.status, rule.body["fallback_after_min"]) == (201, 15)
    changed = {"approvers": [str(adam.pk)], "fallbacks": [str(rita.pk)]}
    assert client.put(f"/approvers/{rule.body['id']}", changed).body["risk"] == ""
    assert client.post(f"/approvers/{rule.body['id']}/remove", {"reason": "Over"}).status == 204
    assert not ProtectedAsset.objects.exists()
    assert not ApproverRule.objects.exists()


def test_a_token_must_be_elevated_for_settings(adam: User) -> None:
    token, _ = issue_token(adam, name="t", lifetime=timedelta(days=1), may_decide=True, actor=adam.actor)
    assert not token.is_elevated
    wanted = {"kind": "dns", "match_by": "name", "target_kind": "device", "pattern": "ns-*", "note": "Names"}
    refused = caller(adam, elevated=False).post("/protections", wanted)
    assert (refused.status, refused.code) == (403, "step_up_required")
