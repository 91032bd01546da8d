"""Refusals as CSV: what the page shows under the same filters, and nothing that the person may not see."""

import csv

import pytest
from django.test import Client

from accounts.models import User
from remediation.models import Refusal
from tests.conftest import SignedIn
from tests.factories.remediation import DeviceFactory

pytestmark = pytest.mark.django_db


def refused(message: str, stage: str, user: User) -> Refusal:
    device = DeviceFactory.create()
    return Refusal.objects.create(
        stage=stage, code="cap_reached", rule="cap", message=message, action="device.isolate", target_kind="device",
        target_id=device.pk, target_name=device.display_name, actor=user.actor.as_json(),
        inputs={"asked": [{"rule": "scope", "answer": "yes", "inputs": {}}, {"rule": "cap", "answer": "no"}]},
    )  # fmt: skip


def lines(client: Client, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"/admin/refusals/export/{query}")
    assert response.headers["Content-Type"].startswith("text/csv")
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(text.splitlines()))


def test_the_export_is_the_filtered_list(client: Client, signed_in: SignedIn, adam: User, ada: User) -> None:
    refused("Cap reached", "request", ada)
    refused("=cmd|calc", "decision", ada)
    page = signed_in(client, adam)
    assert {line["stage"] for line in lines(page)} == {"request", "decision"}
    (line,) = lines(page, "?stage=request")
    assert (line["who"], line["message"], line["asked"]) == (str(ada), "Cap reached", "scope: yes; cap: no")
    (hostile,) = lines(page, "?stage=decision")
    assert not hostile["message"].startswith("=")
    assert "/admin/refusals/export/?stage=request" in page.get("/admin/refusals/?stage=request").content.decode()


def test_who_may_not_read_the_history_gets_no_file(client: Client, signed_in: SignedIn, ada: User) -> None:
    assert signed_in(client, ada).get("/admin/refusals/export/").status_code == 403
