"""What administrators and managers read and change over the API."""

from typing import Any

import pytest

from accounts.models import DeviceGroup, User
from connectors.models import Connection
from core import options
from core.models import AuditEvent
from incidents.enums import DeadLetterState
from incidents.models import DeadLetter
from tests.factories.api import caller
from tests.factories.people import person
from tests.factories.remediation import company

pytestmark = pytest.mark.django_db


def letter(**fields: Any) -> DeadLetter:
    return DeadLetter.objects.create(
        source="wazuh", format="wazuh", raw=b'{"rule": {}}', code="missing_field", message="No id.", **fields
    )


def test_a_dead_letter_is_read_and_discarded(adam: User) -> None:
    row, client = letter(), caller(adam)
    assert "raw" not in client.get("/dead-letters", state="open").body["results"][0]
    assert client.get(f"/dead-letters/{row.pk}").body["raw"] == '{"rule": {}}'
    answer = client.post(f"/dead-letters/{row.pk}/discard", {"reason": "A test of the sensor"})
    assert (answer.status, answer.body["state"]) == (200, "discarded")
    again = client.post(f"/dead-letters/{row.pk}/replay")
    assert (again.status, again.code) == (409, "conflict")


def test_a_replay_that_fails_again_tells_why(adam: User) -> None:
    row = letter()
    answer = caller(adam).post(f"/dead-letters/{row.pk}/replay")
    assert (answer.status, len(answer.body["rejected"])) == (200, 1)
    row.refresh_from_db()
    assert row.state == DeadLetterState.OPEN


def test_a_cut_dead_letter_is_not_replayed(adam: User) -> None:
    answer = caller(adam).post(f"/dead-letters/{letter(truncated=True).pk}/replay")
    assert (answer.status, answer.code) == (422, "truncated")


def test_connections_show_no_secret(adam: User) -> None:
    company()
    body = caller(adam).get("/connections").body["results"][0]
    assert body["kind"] == "simulator"
    assert not {"secrets", "settings"} & set(body)
    assert Connection.objects.count() == 1


def test_the_audit_log_is_read_whole_or_not_at_all(mona: User, ada: User, elsewhere: DeviceGroup) -> None:
    caller(ada)
    events = caller(mona).get("/audit", verb="token.issued", thread=f"user:{ada.pk}").body
    assert events["count"] == 1
    assert events["results"][0]["actor"]["kind"] == "system"
    somewhere = person("max", "manager", groups=[elsewhere])
    assert caller(somewhere).get("/audit").body["count"] == 0
    assert caller(ada).get("/audit").status == 403


def test_an_option_is_set_and_keeps_its_history(adam: User) -> None:
    option = next(one for one in options.declared() if one.kind == "int" and one.maximum)
    client = caller(adam)
    assert option.key in [row["key"] for row in client.get("/options").body["results"]]
    path = f"/options/{option.key}"
    wanted = int(option.minimum or 0) + 1
    assert client.put(path, {"value": wanted, "reason": "Trial"}).body["value"] == wanted
    assert options.get(option.key) == wanted
    assert AuditEvent.objects.get(verb="option.changed").reason == "Trial"
    for value in ("7", True, None, int(option.maximum or 0) + 1):
        assert client.put(path, {"value": value}).status == 400
    assert client.put("/options/no.such.option", {"value": 1}).status == 404


def test_a_device_group_is_made_and_changed(adam: User) -> None:
    client = caller(adam)
    rule = {"name": {"operator": "startswith", "values": ["fin-"]}}
    made = client.post("/device-groups", {"name": "Finance", "rule": rule})
    assert (made.status, made.body["rule"]) == (201, rule)
    path = f"/device-groups/{made.body['id']}"
    assert client.patch(path, {"description": "Money"}).body["description"] == "Money"
    assert client.patch(path, {"rank": 1}).status == 400
    assert client.post("/device-groups", {"name": "Bad", "rule": {"colour": "red"}}).status == 400


def test_a_user_is_changed_as_a_whole_or_not_at_all(adam: User, ada: User, elsewhere: DeviceGroup) -> None:
    client, path = caller(adam), f"/users/{ada.pk}"
    body = client.patch(path, {"roles": ["reader"], "device_groups": ["Elsewhere"], "display_name": "A. L."}).body
    assert (body["roles"], body["scope"]["device_groups"]) == (["reader"], ["Elsewhere"])
    answer = client.patch(path, {"display_name": "Other", "roles": ["emperor"]})
    assert (answer.status, answer.body["error"]["field"]) == (400, "roles")
    ada.refresh_from_db()
    assert ada.display_name == "A. L."


def test_nobody_switches_themselves_off_or_grants_beyond_themselves(adam: User, ada: User) -> None:
    answer = caller(adam).patch(f"/users/{adam.pk}", {"is_active": False})
    assert (answer.status, answer.code) == (422, "same_person")
    answer = caller(ada).patch(f"/users/{ada.pk}", {"roles": ["admin"]})
    assert (answer.status, answer.code) == (403, "forbidden")


def test_answers_name_no_password_and_no_digest(adam: User) -> None:
    client = caller(adam)
    text = str([client.get(path).body for path in ("/users", "/me", "/roles")])
    assert adam.password not in text
    assert not any(row.digest in text for row in adam.tokens.all())
