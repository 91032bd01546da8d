"""Notices and rules over the API."""

from collections.abc import Callable

import pytest

from accounts.models import DeviceGroup, User
from notifications.models import Endpoint, Notice, Rule
from tests.factories.api import caller

pytestmark = pytest.mark.django_db
Told = Callable[..., None]
NEW = {"kind": "incident", "name": "Mine", "severities": {"*": ["high", "medium"]}, "tags": ["vip"]}


def test_notices_are_listed_and_marked(ada: User, rita: User, told: Told, readable: set[int]) -> None:
    readable.add(2)
    told(once="1")
    told(number=2, title="Second")
    client = caller(ada)
    answer = client.get("/notices", unread="true").body
    assert [row["title"] for row in answer["results"]] == ["Second", "A paper on CANARY"]
    pk = answer["results"][0]["id"]
    assert client.post("/notices/mark", {"ids": [pk], "read": True}).body == {"changed": 1}
    assert caller(rita).post("/notices/mark", {"ids": [pk], "read": False}).body == {"changed": 0}
    assert caller(rita).get(f"/notices/{pk}").status == 404
    assert client.post("/notices/mark", {"read": True}).body == {"changed": 1}
    readable.clear()
    answer = client.get("/notices").body
    assert (answer["results"], answer["count"]) == ([], 0)
    assert client.get(f"/notices/{pk}").status == 404
    assert Notice.objects.filter(user=rita).unread().count() == 2


def test_a_rule_of_ones_own_is_made_changed_and_removed(ada: User, rita: User) -> None:
    client = caller(ada)
    made = client.post("/notification-rules", NEW)
    assert made.status == 201
    assert (made.body["personal"], made.body["author"], made.body["device_groups"]) == (True, "ada", None)
    path = f"/notification-rules/{made.body['id']}"
    changed = client.patch(path, {"enabled": False, "tags": []}).body
    assert (changed["enabled"], changed["tags"], changed["name"]) == (False, [], "Mine")
    assert caller(rita).get(path).status == 404
    assert caller(rita).call("DELETE", path).status == 404
    assert client.call("DELETE", path).status == 204
    assert not Rule.objects.exists()


def test_a_rule_that_tells_others_needs_the_right_and_recipients(ada: User, adam: User) -> None:
    wanted = NEW | {"personal": False, "addresses": ["soc@example.org"], "people": ["ada"]}
    assert caller(ada).post("/notification-rules", wanted).status == 403
    client = caller(adam)
    assert client.post("/notification-rules", NEW | {"personal": False}).status == 400
    assert client.post("/notification-rules", wanted | {"people": ["nobody"]}).status == 400
    assert client.post("/notification-rules", wanted | {"addresses": ["x\r\nBcc: y@z.example"]}).status == 400
    made = client.post("/notification-rules", wanted)
    assert (made.status, made.body["people"], made.body["addresses"]) == (201, ["ada"], ["soc@example.org"])
    assert client.post("/notification-rules", wanted).status == 400
    assert caller(ada).get("/notification-rules").body["results"] == []


def test_a_rule_over_the_api_reaches_no_further_than_its_author(adam: User, elsewhere: DeviceGroup) -> None:
    DeviceGroup.objects.create(name="Hidden", rank=77)
    adam.scope_kind = "selected"
    adam.save()
    adam.device_groups.set([elsewhere])
    client = caller(adam)
    wanted = NEW | {"personal": False, "addresses": ["soc@example.org"]}
    assert client.post("/notification-rules", wanted).status == 400
    assert client.post("/notification-rules", wanted | {"device_groups": ["Hidden"]}).status == 400
    assert client.post("/notification-rules", wanted | {"device_groups": ["Elsewhere"]}).status == 201


def test_no_secret_of_a_webhook_is_in_an_answer(adam: User) -> None:
    endpoint = Endpoint(name="Hook", host="hooks.example.org")
    endpoint.seal_url("https://hooks.example.org/CANARY")
    endpoint.save()
    made = caller(adam).post("/notification-rules", NEW | {"personal": False, "endpoints": ["Hook"]})
    assert made.body["endpoints"] == ["Hook"]
    assert "CANARY" not in str(made.body)
