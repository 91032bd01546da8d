"""What every write keeps: nothing extra, nobody's change lost, nothing done twice."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.models import ApiToken, DeviceGroup, User
from core import idempotency
from core.models import AuditEvent
from incidents.models import Comment, Incident
from tests.factories.api import caller
from tests.factories.incidents import IncidentFactory

pytestmark = pytest.mark.django_db
NEW = {"display_name": "Somebody at the back door", "severity": "low"}


def test_fields_left_out_keep_their_value(ada: User) -> None:
    incident = IncidentFactory.create(display_name="Kept", custom_tags=["kept"])
    answer = caller(ada).patch(f"/incidents/{incident.pk}", {"description": "New"})
    assert answer.status == 200
    assert (answer.body["display_name"], answer.body["custom_tags"]) == ("Kept", ["kept"])


@pytest.mark.parametrize(
    ("field", "message"),
    [("version", "read-only"), ("id", "read-only"), ("priority_score", "read-only"), ("exercise", "read-only"),
     ("restricted", "read-only"), ("open_to_all", "no such field"), ("hidden", "no such field")],
)  # fmt: skip
def test_read_only_and_unknown_fields_are_an_error(ada: User, field: str, message: str) -> None:
    incident = IncidentFactory.create()
    answer = caller(ada).patch(f"/incidents/{incident.pk}", {"display_name": "Changed", field: "1"})
    assert (answer.status, answer.body["error"]["field"]) == (400, field)
    assert message in answer.body["error"]["message"]
    incident.refresh_from_db()
    assert incident.display_name != "Changed"


def test_a_change_of_an_older_version_is_a_conflict(ada: User) -> None:
    incident = IncidentFactory.create()
    client = caller(ada)
    path = f"/incidents/{incident.pk}"
    tag = client.get(path).headers["ETag"]
    first = client.patch(path, {"description": "One"}, If_Match=tag)
    assert (first.status, first.headers["ETag"]) == (200, f'"{first.body["version"]}"')
    second = client.patch(path, {"description": "Two"}, If_Match=tag)
    assert (second.status, second.code) == (409, "conflict")
    assert second.body["error"]["link"] == f"/api/v1{path}"
    assert client.patch(path, {"description": "Three"}, If_Match="*").status == 200
    assert client.patch(path, {"description": "Four"}, If_Match="yesterday").status == 400


def test_the_same_key_with_the_same_body_is_done_once(ada: User) -> None:
    client = caller(ada)
    first = client.post("/incidents", NEW, Idempotency_Key="one")
    again = client.post("/incidents", NEW, Idempotency_Key="one")
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert Incident.objects.count() == 1


def test_the_same_key_with_another_body_is_a_conflict(ada: User) -> None:
    client = caller(ada)
    client.post("/incidents", NEW, Idempotency_Key="one")
    answer = client.post("/incidents", {**NEW, "severity": "high"}, Idempotency_Key="one")
    assert (answer.status, answer.code) == (409, "conflict")


def test_the_same_key_of_somebody_else_or_elsewhere_is_another_one(ada: User, rita: User) -> None:
    incident = IncidentFactory.create()
    assert caller(ada).post("/incidents", NEW, Idempotency_Key="one").status == 201
    assert caller(rita).post("/incidents", NEW, Idempotency_Key="one").status == 201
    path = f"/incidents/{incident.pk}/comments"
    assert caller(ada).post(path, {"text": "Seen"}, Idempotency_Key="one").status == 201


def test_a_refused_request_leaves_its_key_free(ada: User) -> None:
    client = caller(ada)
    assert client.post("/incidents", {}, Idempotency_Key="one").status == 400
    assert client.post("/incidents", NEW, Idempotency_Key="one").status == 201


@pytest.mark.django_db(transaction=True)
def test_a_key_still_in_work_is_a_conflict_with_a_time_to_wait(ada: User) -> None:
    client = caller(ada)
    actor = ApiToken.objects.get(user=ada).actor
    named = {"principal": f"{actor.kind}:{actor.id}", "path": "/api/v1/incidents", "key": "one"}
    parted = threading.Barrier(2)

    def first() -> None:
        with transaction.atomic():
            assert isinstance(idempotency.begin(**named, body=b""), idempotency.Claim)
            parted.wait(10)  # the key is held
            parted.wait(10)  # the other was answered
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        parted.wait(10)
        answer = client.post("/incidents", NEW, Idempotency_Key="one")
        parted.wait(10)
        running.result(10)
    assert (answer.status, "Retry-After" in answer.headers) == (409, True)


def test_a_version_that_guards_nothing_is_refused(adam: User) -> None:
    group = DeviceGroup.objects.get(is_default=True)
    answer = caller(adam).patch(f"/device-groups/{group.pk}", {"description": "x"}, If_Match='"1"')
    assert (answer.status, answer.code) == (400, "invalid_request")


@pytest.mark.parametrize("key", ["x" * 201, "ключ", ""])
def test_a_key_of_the_wrong_shape(ada: User, key: str) -> None:
    answer = caller(ada).post("/incidents", NEW, Idempotency_Key=key)
    assert answer.status == 400


@pytest.mark.django_db(transaction=True)
def test_effect_and_remembered_answer_stand_or_fall_together(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = IncidentFactory.create()
    client = caller(ada)

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("core.api.views.idempotency.finish", crash)
        with pytest.raises(KeyboardInterrupt):
            client.post(f"/incidents/{incident.pk}/comments", {"text": "Once"}, Idempotency_Key="one")
    assert not transaction.get_connection().in_atomic_block
    assert not Comment.objects.exists()


def test_a_write_names_the_token_in_the_history(ada: User) -> None:
    caller(ada).post("/incidents", NEW)
    event = AuditEvent.objects.get(verb="incident.created")
    assert (event.actor_kind, event.actor_name) == ("token", "Ada Lindqvist (token script)")


def test_times_are_utc_with_microseconds_and_ids_are_strings(ada: User) -> None:
    body = caller(ada).post("/incidents", NEW).body
    assert isinstance(body["id"], str)
    assert body["created"].endswith("Z")
    assert len(body["created"]) == len("2026-11-22T03:36:53.000000Z")
