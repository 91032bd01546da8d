"""`/analyses` over the wire: for people as the pages, and for an analysis host with nothing but its token."""

import base64
from typing import Any

import pytest

from accounts.models import User
from connectors.sandbox import worker
from remediation.enums import AnalysisState
from remediation.models import DeepAnalysis
from tests.factories.analyses import analysed, report_of, submitted, told
from tests.factories.api import caller
from tests.factories.people import person
from tests.factories.remediation import DeviceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(db: None) -> User:
    """The account of an analysis host."""
    return person("sandbox-1", "analysis")


def upload(content: bytes = b"#!/bin/sh\n", **more: Any) -> dict[str, Any]:
    return {"content": base64.b64encode(content).decode(), "name": "a.sh", "reason": "Mailed to finance", **more}


def test_a_copy_is_submitted_and_its_report_read(ada: User, host: User) -> None:
    made = caller(ada).post("/analyses", upload())
    assert (made.status, made.body["state"], made.body["report"]) == (201, "queued", None)
    order = caller(host).post("/analyses/claim", {"host": "sb-1"}).body
    assert (order["id"], order["name"], order["sha256"]) == (made.body["id"], "a.sh", made.body["sha256"])
    path, lease = f"/analyses/{order['id']}", {"lease": order["lease"]}
    assert caller(host).post(f"{path}/sample", lease).body == b"#!/bin/sh\n"
    assert caller(host).post(f"{path}/result", {**lease, "report": told()}).status == 200
    read = caller(ada).get(path).body
    assert (read["state"], read["report"]["behaviours"][0]["severity"]) == ("completed", "high")
    assert caller(ada).get("/analyses", state="completed").body["results"][0]["report"] is None
    assert caller(host).post("/analyses/claim", {"host": "sb-1"}).body["id"] == ""


def test_the_token_of_a_host_is_good_for_nothing_else(ada: User, host: User) -> None:
    made = analysed(ada)
    client = caller(host)
    for path in ("/analyses", f"/analyses/{made.pk}", "/files", "/incidents", "/me", "/audit"):
        assert client.get(path).status in ({403} if path != "/me" else {200})
    assert client.post("/analyses", upload()).status == 403
    assert caller(ada).post("/analyses/claim", {"host": "x"}).status == 403


def test_without_its_lease_there_is_no_sample(ada: User, host: User) -> None:
    made = submitted(ada)
    path = f"/analyses/{made.pk}"
    for body in ({}, {"lease": ""}, {"lease": "guess"}, {"lease": "x" * 100}):
        assert caller(host).post(f"{path}/sample", body).status == 404
        assert caller(host).post(f"{path}/result", {**body, "report": told()}).status == 404
    made.refresh_from_db()
    assert made.state == AnalysisState.QUEUED


def test_who_is_outside_finds_nothing(ada: User, eve: User) -> None:
    made = analysed(ada, device=DeviceFactory.create())
    assert caller(eve).get(f"/analyses/{made.pk}").status == 404
    assert caller(eve).get("/analyses").ids == []
    assert caller(eve).post("/analyses", {"file_id": "999999", "reason": "x"}).status == 404


@pytest.mark.parametrize(
    "wrong", [{"content": "%%%"}, {"content": ""}, {"file_id": "1"}, {"reason": ""}, {"content": "AA=="[:3]}]
)
def test_what_is_wrong_is_said(ada: User, wrong: dict[str, Any]) -> None:
    answer = caller(ada).post("/analyses", upload() | wrong)
    assert answer.status == 400
    assert not DeepAnalysis.objects.exists()


def test_a_host_that_fails_says_why(ada: User, host: User) -> None:
    made = submitted(ada)
    order = caller(host).post("/analyses/claim", {"host": "sb-1"}).body
    told_ = {"lease": order["lease"], "error_code": "no_space", "error_message": "The disk is full."}
    assert caller(host).post(f"/analyses/{made.pk}/result", told_).status == 200
    read = caller(ada).get(f"/analyses/{made.pk}").body
    assert (read["state"], read["error_code"], read["error_message"]) == ("failed", "no_space", "The disk is full.")


# ---- the program that runs on the analysis host ----


@pytest.fixture
def address(live_server: Any) -> str:
    """The portal's own application, over HTTP."""
    return str(live_server.url)


@pytest.mark.django_db(transaction=True)
def test_the_program_of_the_host_fetches_looks_and_reports(ada: User, host: User, address: str) -> None:
    made = submitted(ada, b"MZ" + bytes(300), name="setup.exe")
    token = caller(host).headers["Authorization"].removeprefix("Bearer ")
    portal = worker.Portal(address, token)
    assert worker.work_once(portal, "sb-1") is True
    assert worker.work_once(portal, "sb-1") is False
    made.refresh_from_db()
    assert (made.state, made.host) == (AnalysisState.COMPLETED, "sb-1")
    assert report_of(made)["static"]["sha256"] == made.file.sha256


@pytest.mark.django_db(transaction=True)
def test_the_program_of_the_host_says_what_the_portal_answered(address: str) -> None:
    with pytest.raises(worker.PortalAway, match="claim: 401"):
        worker.work_once(worker.Portal(address, "soc_wrong"), "sb-1")
    with pytest.raises(worker.PortalAway, match="claim"):
        worker.work_once(worker.Portal("http://127.0.0.1:9", "x"), "sb-1")
