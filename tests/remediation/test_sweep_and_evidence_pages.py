"""The pages and the API of clearing up, as people use them."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from remediation.enums import FindingState
from remediation.models import Custody, Recovery, RecoveryTemplateStep, Sweep, SweepFinding
from tests.api.places import set_api_stage
from tests.factories.api import caller
from tests.factories.people import sign_in
from tests.flows.addresses import addresses

pytestmark = pytest.mark.django_db
OWN = ("sweep", "recover", "artefacts", "custody", "quarantine", "export_evidence", "findings")


@pytest.fixture
def places(ada: User, rita: User, adam: User) -> dict[str, Any]:
    return set_api_stage(ada, rita, adam)


def test_every_page_opens(places: dict[str, Any], adam: User, rita: User) -> None:
    own = [one for one in addresses() if one.name.startswith("remediation:") and any(w in one.name for w in OWN)]
    assert len(own) >= 18
    answers = {}
    for one in own:
        who = adam if "template" in one.name or ("recovery_step" in one.name and "edit" in one.name) else rita
        who = adam if "new_recovery_step" in one.name else who
        answers[one.name] = sign_in(Client(), who).get(one.fill(places)).status_code
    assert set(answers.values()) == {200}, answers


def test_findings_are_removed_from_the_page_and_those_that_cannot_say_why(places: dict[str, Any], rita: User) -> None:
    finding = SweepFinding.objects.get()
    url = reverse("remediation:remove_findings", args=[finding.incident_id])
    page = sign_in(Client(), rita).post(url, {"id": finding.pk, "reason": "Clean up"}, follow=True)
    assert page.status_code == 200
    finding.refresh_from_db()
    assert finding.state == FindingState.ASKED
    assert finding.removal is not None


def test_the_dialog_that_resolves_tells_what_is_not_recovered(places: dict[str, Any], ada: User) -> None:
    recovery = Recovery.objects.get()
    page = sign_in(Client(), ada).get(f"/incidents/manage/?id={recovery.incident_id}").content.decode()
    assert "not recovered" in page
    assert "1 finding" in page


def test_an_administrator_adds_a_step(places: dict[str, Any], adam: User) -> None:
    values = {"label": "Owner informed", "position": "25", "required": "on", "enabled": "on"}
    answer = sign_in(Client(), adam).post(reverse("remediation:new_recovery_step"), values)
    assert answer.status_code == 302
    assert RecoveryTemplateStep.objects.filter(label="Owner informed", kind="free").exists()


def test_the_list_of_artifacts_is_narrowed_and_its_csv_with_it(places: dict[str, Any], rita: User) -> None:
    client = sign_in(Client(), rita)
    custody = Custody.objects.get(pk=places["evidence.pk"])
    assert custody.name in client.get("/actions/artifacts/", {"name": custody.name}).content.decode()
    assert custody.number not in client.get("/actions/artifacts/", {"name": "nothing-like-it"}).content.decode()
    csv = b"".join(client.get("/actions/artifacts/csv/", {"name": custody.name}))
    assert custody.sha256 in csv.decode()


def test_a_sealed_export_is_downloaded_for_a_reason(places: dict[str, Any], rita: User) -> None:
    client, body = sign_in(Client(), rita), {"id": places["evidence.pk"]}
    assert client.post("/actions/artifacts/export/", body).status_code == 422
    answer = client.post("/actions/artifacts/export/", {**body, "reason": "For the court"})
    assert answer["Content-Type"] == "application/zip"
    assert answer.content.startswith(b"PK")


def test_the_api_starts_a_sweep_and_tells_of_its_devices(places: dict[str, Any], rita: User) -> None:
    api = caller(rita)
    body = {"incident_id": str(places["incidents.pk"]), "items": [{"kind": "hash", "value": "ab" * 32}],
            "comment": "Where else?"}  # fmt: skip
    made = api.post("/sweeps", body)
    assert made.status == 201
    assert [one["state"] for one in made.body["devices"]] == ["waiting"]
    assert api.get(f"/sweeps/{made.body['id']}").body["compared"]["earlier_id"] == str(Sweep.objects.earliest("pk").pk)


def test_the_api_says_when_a_step_is_not_so(places: dict[str, Any], rita: User) -> None:
    recovery = Recovery.objects.get()
    step = recovery.steps.get(kind="cleaned")
    answer = caller(rita).post(f"/recoveries/{recovery.pk}/step", {"step_id": str(step.pk), "state": "done"})
    assert (answer.status, answer.code) == (422, "not_so")
