"""Rules, trials and what people taught, over the API."""

import pytest

from accounts.models import User
from core import options
from incidents.correlation.rules import FILE, RULES
from incidents.models import Alert, CorrelationChange, CorrelationLink, Incident
from tests.factories.api import caller
from tests.factories.wire import correlated
from tests.incidents.test_taught_correlation import two_by_file

pytestmark = pytest.mark.django_db


def reason() -> dict[str, str]:
    """An alert that the rule of files joined, and the link that says so."""
    correlated(*two_by_file())
    link = CorrelationLink.objects.get(rule=FILE.key)
    return {"alert": str(link.alert_id), "link": str(link.pk)}


def test_the_rules_say_how_they_are_set_and_what_they_did(adam: User) -> None:
    reason()
    rows = caller(adam).get("/correlation-rules").body["results"]
    assert {row["key"] for row in rows} == RULES.keys()
    by_file = next(row for row in rows if row["key"] == "file")
    assert (by_file["joins"], by_file["undone"], by_file["window_hours"]) == (1, 0, FILE.hours)


def test_a_rule_is_set_with_a_reason_by_an_elevated_token(adam: User) -> None:
    change = {"window_hours": 24, "reason": "Too far apart"}
    refused = caller(adam, elevated=False).put("/correlation-rules/file", change)
    assert (refused.status, refused.body["error"]["code"]) == (403, "step_up_required")
    assert caller(adam).put("/correlation-rules/file", change).body["window_hours"] == 24
    assert options.get(FILE.option) == 24
    assert caller(adam).put("/correlation-rules/file", change).status == 400
    assert caller(adam).put("/correlation-rules/moon", change).status == 404


def test_options_are_tried_and_nothing_changes(adam: User) -> None:
    reason()
    answer = caller(adam).post("/correlation-rules/try", {"options": {FILE.switch_option: False}})
    assert (answer.status, answer.body["splits"], answer.body["before"]) == (200, 1, 1)
    assert options.get(FILE.switch_option) is True
    wrong = caller(adam).post("/correlation-rules/try", {"options": {"incidents.sla_high_resolve_h": 1}})
    assert wrong.status == 400


def test_an_offer_is_tried_proposed_decided_and_lifted(ada: User, adam: User) -> None:
    where = reason()
    offers = caller(ada).get("/correlation-changes/offers", alert=where["alert"]).body["results"]
    assert {"pair", "thing-0", "hub-0", "window"} == {offer["key"] for offer in offers}
    wanted = {**where, "offer": "hub-0"}
    assert caller(ada).post("/correlation-changes/try", wanted).body["splits"] == 1
    made = caller(ada).post("/correlation-changes", {**wanted, "reason": "An installer of ours"})
    assert (made.status, made.body["state"]) == (201, "proposed")
    address = f"/correlation-changes/{made.body['id']}"
    assert caller(ada).post(f"{address}/decide", {"accept": True, "reason": "Yes"}).status == 403
    assert caller(adam).post(f"{address}/decide", {"accept": True, "reason": "Yes"}).body["in_force"]
    assert caller(adam).post(f"{address}/lift", {"reason": "No more"}).body["state"] == "lifted"
    assert caller(ada).get("/correlation-changes", state="lifted").ids == [made.body["id"]]


@pytest.mark.parametrize("wrong", [{"offer": "moon"}, {"offer": "window"}, {"offer": "window", "value": 9999}])
def test_what_is_not_offered_is_not_taught(adam: User, wrong: dict[str, object]) -> None:
    answer = caller(adam).post("/correlation-changes", {**reason(), **wrong, "reason": "Why not"})
    assert answer.status == 400
    assert not CorrelationChange.objects.exists()


def test_an_alert_out_of_reach_offers_nothing(ada: User, eve: User) -> None:
    where = reason()
    Alert.objects.update(device_group_ids=[0])
    Incident.objects.update(open_to_all=False, device_group_ids=[0])
    client = caller(eve)
    assert client.get("/correlation-changes/offers", alert=where["alert"]).status == 404
    assert client.post("/correlation-changes/try", {**where, "offer": "hub-0"}).status == 404
    assert client.post("/correlation-changes", {**where, "offer": "hub-0", "reason": "x"}).status == 404
