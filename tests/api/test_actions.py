"""`/actions`: the whole life of a request over the wire."""

import pytest

from accounts.models import User
from remediation.models import ActionRun, Refusal
from remediation.services.carry_out import carry_out
from tests.factories.api import Caller, caller
from tests.factories.remediation import DeviceFactory, company, incident_naming

pytestmark = pytest.mark.django_db


def order(device_id: int, action: str = "device.isolate", **more: object) -> dict[str, object]:
    return {"action": action, "target": {"kind": "device", "id": str(device_id)}, "comment": "Spreads", **more}


def finished(run_id: str) -> None:
    carry_out(ActionRun.objects.get(pk=run_id))


def test_a_request_is_approved_carried_out_and_undone(ada: User, rita: User) -> None:
    device = company().device()
    incident = incident_naming(device)
    asking, deciding = caller(ada), caller(rita)
    made = asking.post(
        "/actions", order(device.pk, arguments={"isolation_type": "selective"}, incident_id=str(incident.pk))
    )
    assert (made.status, made.body["decision"], made.body["simulated"]) == (201, "pending", True)
    assert made.body["target"] == {"kind": "device", "id": str(device.pk), "name": str(device)}
    path = f"/actions/{made.body['id']}"
    assert made.headers["Location"] == f"/api/v1{path}"
    approved = deciding.post(f"{path}/approve", {"comment": "Agreed"})
    assert (approved.status, approved.body["decision"], approved.body["decided_by"]["kind"]) == (
        200,
        "approved",
        "token",
    )
    finished(made.body["id"])
    done = asking.get(path).body
    assert (done["status"], done["verification"]["done"]) == ("succeeded", True)
    assert done["verification"]["at"].endswith("Z")
    assert done["log"]
    undo = asking.post(f"{path}/undo", {"comment": "Clean now"})
    assert (undo.status, undo.body["undoes"], undo.body["action"]) == (201, made.body["id"], "device.release")
    assert asking.get(path).body["undone_by"] == undo.body["id"]


def test_a_second_request_on_the_same_part_links_the_first(ada: User) -> None:
    device = company().device()
    first = caller(ada).post("/actions", order(device.pk))
    second = caller(ada).post("/actions", order(device.pk))
    assert (second.status, second.code) == (409, "conflict")
    assert second.body["error"]["link"] == f"/api/v1/actions/{first.body['id']}"


def test_nobody_decides_on_what_they_asked_for(rita: User) -> None:
    run = caller(rita).post("/actions", order(company().device().pk)).body
    answer = caller(rita).post(f"/actions/{run['id']}/approve")
    assert (answer.status, answer.code) == (422, "same_person")


def test_a_token_decides_only_when_it_was_made_for_it(ada: User, rita: User) -> None:
    run = caller(ada).post("/actions", order(company().device().pk)).body
    answer = caller(rita, may_decide=False).post(f"/actions/{run['id']}/approve")
    assert (answer.status, answer.code) == (403, "forbidden")


def test_a_decision_is_made_once(ada: User, rita: User) -> None:
    run = caller(ada).post("/actions", order(company().device().pk)).body
    deciding = caller(rita)
    assert deciding.post(f"/actions/{run['id']}/reject", {"comment": "Not now"}).body["decision"] == "rejected"
    answer = deciding.post(f"/actions/{run['id']}/approve")
    assert (answer.status, answer.code) == (422, "already_decided")


def test_a_rejection_needs_its_reason(ada: User, rita: User) -> None:
    run = caller(ada).post("/actions", order(company().device().pk)).body
    answer = caller(rita).post(f"/actions/{run['id']}/reject", {})
    assert (answer.status, answer.body["error"]["field"]) == (400, "comment")


def test_the_requester_cancels_what_has_not_left(ada: User) -> None:
    run = caller(ada).post("/actions", order(company().device().pk)).body
    answer = caller(ada).post(f"/actions/{run['id']}/cancel", {"comment": "Mistaken"})
    assert (answer.status, answer.body["status"]) == (200, "cancelled")


def test_a_target_without_a_binding_is_refused_and_the_refusal_kept(ada: User) -> None:
    device = DeviceFactory.create()
    for headers in ({}, {"Idempotency_Key": "once"}):
        answer = caller(ada).post("/actions", order(device.pk), **headers)
        assert (answer.status, answer.code) == (422, "not_bound")
    assert Refusal.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"action": "device.explode"}, "action"),
        ({"arguments": {"isolation_type": "half"}}, "isolation_type"),
        ({"arguments": {"speed": "high"}}, "speed"),
        ({"arguments": []}, "arguments"),
        ({"comment": ""}, "comment"),
        ({"status": "succeeded"}, "status"),
        ({"requested_by": {"kind": "system"}}, "requested_by"),
        ({"target": {"kind": "device"}}, "target.id"),
    ],
)
def test_a_request_that_is_wrong(ada: User, change: dict[str, object], field: str) -> None:
    answer = caller(ada).post("/actions", {**order(company().device().pk), **change})
    assert (answer.status, answer.body["error"]["field"]) == (400, field)


def test_a_target_outside_the_scope_does_not_exist(eve: User) -> None:
    assert caller(eve).post("/actions", order(company().device().pk)).status == 404


def test_asking_twice_with_one_key_asks_once(ada: User) -> None:
    device = company().device()
    client: Caller = caller(ada)
    answers = [client.post("/actions", order(device.pk), Idempotency_Key="k") for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 200]
    assert ActionRun.objects.count() == 1


def test_the_catalogue_lists_every_action(mona: User) -> None:
    actions = {action["key"]: action for action in caller(mona).get("/actions/catalog").body["results"]}
    assert set(actions) >= {"device.isolate", "file.quarantine", "identity.disable", "mailbox.soft_delete_message"}
    assert actions["device.isolate"]["undo"] == "device.release"
    assert actions["device.isolate"]["arguments"]["properties"]["isolation_type"]["enum"] == ["full", "selective"]
    assert actions["device.antivirus_scan"]["undo"] is None


def test_runs_are_filtered(ada: User) -> None:
    devices = [company().device() for _ in range(2)]
    runs = [caller(ada).post("/actions", order(device.pk)).body["id"] for device in devices]
    client = caller(ada)
    assert client.get("/actions", target_kind="device", target_id=str(devices[0].pk)).ids == [runs[0]]
    assert client.get("/actions", decision=["approved", "rejected"]).ids == []
