"""`/experts` and the files of actions over the wire: the rules of the pages, no more and no less."""

import io
import zipfile
from typing import Any

import pytest

from accounts.models import User
from core import blobs
from core.models import AuditEvent
from incidents.models import Incident
from remediation.models import ActionRun, ExpertRequest, Retainer, RunArtefact
from tests.factories.api import caller
from tests.factories.remediation import DeviceFactory, ask, company, incident_naming

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident(db: None) -> Incident:
    found = incident_naming(DeviceFactory.create(display_name="FIN-WS-007"))
    Incident.objects.update(open_to_all=False, device_group_ids=found.alerts.get().device_group_ids)
    return found


def question(incident: Incident, kind: str, pk: int, **more: Any) -> dict[str, Any]:
    return {"subject": {"kind": "incident", "id": str(incident.pk)}, "to": {"kind": kind, "id": str(pk)},
            "topic": "Known?", "question": "It encrypts.", "share": ["facts"], **more}  # fmt: skip


def test_a_question_is_asked_answered_and_closed(ada: User, rita: User, incident: Incident) -> None:
    made = caller(ada).post("/experts", question(incident, "person", rita.pk))
    assert (made.status, made.body["status"], made.body["to"]["name"]) == (201, "open", str(rita))
    assert [block["title"] for block in made.body["shared"]] == ["Facts"]
    path = made.headers["Location"].removeprefix("/api/v1")
    answered = caller(rita).post(f"{path}/answer", {"text": "Since May."})
    assert (answered.body["status"], answered.body["messages"][1]["from_expert"]) == ("answered", True)
    assert caller(ada).post(f"{path}/close").body["status"] == "closed"
    again = caller(rita).post(f"{path}/answer", {"text": "One more"})
    assert (again.status, again.code) == (422, "already_ended")
    assert caller(ada).get("/experts", status="closed").ids == [made.body["id"]]


def test_who_is_outside_finds_no_question_and_asks_about_nothing(
    ada: User, rita: User, eve: User, incident: Incident
) -> None:
    made = caller(ada).post("/experts", question(incident, "person", rita.pk))
    assert caller(eve).get(f"/experts/{made.body['id']}").status == 404
    assert caller(eve).get("/experts").ids == []
    assert caller(eve).post("/experts", question(incident, "person", rita.pk)).status == 404
    assert ExpertRequest.objects.count() == 1


def test_a_bystander_does_not_answer(ada: User, rita: User, mona: User, incident: Incident) -> None:
    made = caller(ada).post("/experts", question(incident, "person", rita.pk))
    answer = caller(mona).post(f"/experts/{made.body['id']}/answer", {"text": "Me too"})
    assert (answer.status, answer.code) == (403, "forbidden")


def test_whom_one_may_ask_is_listed_and_a_stranger_is_refused_by_name(
    ada: User, rita: User, incident: Incident, settings: Any
) -> None:
    settings.SMTP_HOST, settings.MAIL_FROM = "127.0.0.1", "soc@example.org"
    desk = Retainer.objects.create(name="Northwind Forensics", address="desk@northwind.example")
    listed = caller(ada).get("/experts/askable").body["results"]
    assert {"kind": "retainer", "id": str(desk.pk), "name": desk.name} in listed
    assert str(rita.pk) in [one["id"] for one in listed if one["kind"] == "person"]
    nobody = caller(ada).post("/experts", question(incident, "group", 999))
    assert (nobody.status, nobody.body["error"]["field"]) == (400, "to")
    made = caller(ada).post("/experts", question(incident, "retainer", desk.pk))
    path = f"/experts/{made.body['id']}/answer"
    told = caller(rita).post(path, {"text": "Since May.", "answered_by": "phone"}).body["messages"]
    assert [(one["delivery"], one["answered_by"]) for one in told] == [("waiting", ""), ("", "phone")]


def a_package(run: ActionRun) -> RunArtefact:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("processes.txt", "winlogon.exe")
    blob = blobs.keep(content.getvalue(), name="package.zip", media_type="application/zip")
    return RunArtefact.objects.create(run=run, blob=blob, name="package.zip")


def test_a_package_is_handed_out_for_a_reason_that_is_kept(ada: User, eve: User) -> None:
    run = ask(ada, "device.collect_package", company().device())
    artefact = a_package(run)
    path = f"/actions/{run.pk}/artefacts/{artefact.pk}/download"
    assert caller(ada).post(path, {}).status in {400, 422}
    assert not AuditEvent.objects.filter(verb="artefact.opened").exists()
    whole = caller(ada).post(path, {"reason": "Looking for the implant"})
    assert (whole.status, whole.body[:2], whole.headers["Content-Type"]) == (200, b"PK", "application/octet-stream")
    part = caller(ada).post(path, {"reason": "Processes", "part": "processes.txt"})
    assert part.body == b"winlogon.exe"
    assert caller(ada).post(path, {"reason": "x", "part": "nothing.txt"}).body["error"]["field"] == "part"
    reasons = AuditEvent.objects.filter(verb="artefact.opened").order_by("id").values_list("reason", flat=True)
    assert list(reasons) == ["Looking for the implant", "Processes"]
    assert caller(eve).post(path, {"reason": "Curious"}).status == 404


def test_a_download_is_not_remembered_under_a_key(ada: User) -> None:
    run = ask(ada, "device.collect_package", company().device())
    path = f"/actions/{run.pk}/artefacts/{a_package(run).pk}/download"
    assert caller(ada).post(path, {"reason": "x"}, Idempotency_Key="one").status == 400
