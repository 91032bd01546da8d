"""The evidence of an incident: each thing once, with the alerts that name it and the way to answer it."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from incidents import evidence_groups
from incidents.enums import EvidenceVerdict
from incidents.models import Device, Incident
from tests.conftest import SignedIn
from tests.factories.incidents import AlertFactory, DeviceFactory, FileFactory, evidence, incident_about

pytestmark = pytest.mark.django_db
COMMAND = "/usr/bin/python3 -P /var/tmp/.helpful/encrypt"


@pytest.fixture
def desk(client: Client, ada: User, signed_in: SignedIn) -> Client:
    return signed_in(client, ada)


def shown(desk: Client, incident: Incident, query: str = "") -> dict[str, Any]:
    answer = desk.get(f"/incidents/{incident.pk}/panels/evidence/?{query}")
    assert answer.status_code == 200
    return {"rows": answer.context["rows"], "facets": answer.context["facets"], "total": answer.context["total"],
            "text": answer.content.decode()}  # fmt: skip


def on_each(*devices: Device) -> Incident:
    """The same command on each device, and one address that all of them spoke to."""
    incident = incident_about(alerts=len(devices))
    for alert, device in zip(incident.alerts.order_by("pk"), devices, strict=True):
        evidence(alert, type="process", display=COMMAND, key="command:1", device=device)
        evidence(alert, type="ip", display="192.0.2.1", key="ip:192.0.2.1")
    return incident


def test_a_thing_that_three_alerts_name_is_one_row_that_says_so(desk: Client) -> None:
    incident = incident_about(DeviceFactory.create(), FileFactory.create(), alerts=3)
    found = shown(desk, incident)
    assert [len(row.naming.alerts) for row in found["rows"]] == [3, 3]
    assert found["total"] == 2
    for alert in incident.alerts.all():
        assert f"/alerts/{alert.pk}/" in found["text"]


def test_a_process_is_one_of_its_machine_and_an_address_of_the_world(desk: Client) -> None:
    found = shown(desk, on_each(*DeviceFactory.create_batch(3)))
    assert sorted(row.type for row in found["rows"]) == ["ip", "process", "process", "process"]


def test_counts_are_of_things_in_the_filters_and_on_the_tab(desk: Client) -> None:
    incident = on_each(*DeviceFactory.create_batch(3))
    kinds = {item["label"]: item["count"] for item in shown(desk, incident)["facets"][2]["items"]}
    assert kinds == {"Process": 3, "IP address": 1}
    tabs = desk.get(f"/incidents/{incident.pk}/").context["tabs"]
    assert next(tab["count"] for tab in tabs if tab["key"] == "evidence") == 4


def test_the_worst_verdict_counts_and_a_filter_finds_it(desk: Client) -> None:
    incident = on_each(DeviceFactory.create())
    later = AlertFactory.create(incident=incident)
    evidence(later, type="ip", display="192.0.2.1", key="ip:192.0.2.1", verdict="malicious")
    assert {row.type: row.naming.verdict for row in shown(desk, incident)["rows"]}["ip"] == "malicious"
    assert [row.type for row in shown(desk, incident, "verdict=malicious")["rows"]] == ["ip"]


def test_the_row_of_an_address_leads_to_what_can_be_done_about_it(desk: Client) -> None:
    row = next(row for row in shown(desk, on_each(DeviceFactory.create()))["rows"] if row.type == "ip")
    assert row.acts
    pane = desk.get(row.pane, headers={"HX-Request": "true"}).content.decode()
    assert "Contain this address" in pane
    assert "Block this address" in pane


def test_any_piece_of_evidence_leads_to_the_thing_that_it_names(desk: Client) -> None:
    incident = on_each(*DeviceFactory.create_batch(2))
    last = incident.alerts.order_by("pk").last()
    assert last is not None
    for item in last.evidence.all():
        assert desk.get(f"/incidents/{incident.pk}/nodes/e{item.pk}/").status_code == 200
    for number in (2**40, "9" * 5_000):
        assert desk.get(f"/incidents/{incident.pk}/nodes/e{number}/").status_code == 404


def test_a_command_line_is_shown_whole(desk: Client) -> None:
    assert COMMAND in shown(desk, on_each(DeviceFactory.create()))["text"]


def test_a_file_says_on_how_many_devices_it_was_seen(desk: Client) -> None:
    file, incident = FileFactory.create(), incident_about(alerts=2)
    for alert in incident.alerts.all():
        evidence(alert, file, device=DeviceFactory.create())
    assert "on 2 devices" in shown(desk, incident)["text"]


def test_many_newer_alerts_do_not_bury_a_bad_verdict(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_groups, "MOST_ROWS", 3)
    bad, noisy, incident = FileFactory.create(), FileFactory.create(), incident_about(alerts=6)
    first, second, *newer = incident.alerts.order_by("first_activity", "pk")
    evidence(first, bad)
    evidence(second, bad, verdict=EvidenceVerdict.MALICIOUS)
    for alert in newer:
        evidence(alert, noisy)
    row = next(row for row in shown(desk, incident)["rows"] if row.file_id == bad.pk)
    assert row.naming.verdict == EvidenceVerdict.MALICIOUS
    assert [alert for alert, *_ in row.naming.alerts] == [first.pk], "it is not shown as named by nobody"
