"""The incident page: header, tabs, story, panes, comments, moves; nobody outside the scope learns that it exists."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import DeviceGroup, User
from core.slots import Filling
from incidents.activities import SIZE
from incidents.enums import IncidentStatus
from incidents.lifecycle import INCIDENT_STATUS
from incidents.models import Incident
from incidents.services.comment import comment_on
from incidents.services.manage import update_incident
from tests.conftest import SignedIn
from tests.factories.incidents import (
    SETTER,
    AlertFactory,
    DeviceFactory,
    FileFactory,
    IdentityFactory,
    MailboxFactory,
    evidence,
    incident_about,
)
from tests.factories.people import DeviceGroupFactory, person

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}
HOSTILE = "<script>alert(1)</script>\u202egpj.exe"
PANELS = ("story", "alerts", "assets", "evidence", "activities")


@pytest.fixture
def desk(client: Client, ada: User, signed_in: SignedIn) -> Client:
    return signed_in(client, ada)


@pytest.fixture
def incident() -> Incident:
    """Two alerts that name a device, an account, a file and a mailbox."""
    things = (DeviceFactory.create(), IdentityFactory.create(), FileFactory.create(), MailboxFactory.create())
    return incident_about(*things, alerts=2, display_name="Something spreads", name_source="manual")


def addresses_of(incident: Incident) -> list[str]:
    """Every address of the incident's page that can be read."""
    alert = incident.alerts.order_by("pk")[0]
    device = alert.evidence.exclude(device=None).get().device
    assert device is not None
    base = f"/incidents/{incident.pk}"
    return [
        *(f"{base}/{part}" for part in ("", "alerts/", "row/", "row/alerts/", "summary/", "head/", "tabs/")),
        *(f"{base}/panels/{panel}/" for panel in PANELS),
        *(f"{base}/{dialog}/" for dialog in ("comment", "restrict")),
        f"{base}/nodes/device-{device.pk}/",
        f"{base}/graph.json",
        f"{base}/move-alerts/?alert={alert.pk}",
        f"/incidents/manage/?id={incident.pk}",
        f"/alerts/{alert.pk}/",
        f"/alerts/{alert.pk}/pane/",
        f"/alerts/{alert.pk}/manage/",
        f"/devices/{device.pk}/",
        f"/devices/{device.pk}/describe/",
    ]


def test_every_part_opens_for_ada_and_is_not_there_for_eve(
    client: Client, ada: User, eve: User, signed_in: SignedIn, incident: Incident
) -> None:
    signed_in(client, ada)
    assert {path: client.get(path).status_code for path in addresses_of(incident)} == dict.fromkeys(
        addresses_of(incident), 200
    )
    signed_in(client, eve)
    assert {client.get(path).status_code for path in addresses_of(incident)} == {404}
    assert client.post(f"/incidents/{incident.pk}/assign-to-me/").status_code == 404


def test_every_part_opens_by_htmx_as_a_part(desk: Client, incident: Incident) -> None:
    whole_pages = ("/devices/", "/alerts/")
    for path in addresses_of(incident):
        if not path.startswith(whole_pages) or path.endswith(("/pane/", "/manage/", "/describe/")):
            assert "<html" not in desk.get(path, headers=PART).content.decode(), path


def test_a_page_costs_a_fixed_number_of_queries_whatever_the_alerts(desk: Client) -> None:
    small = incident_about(DeviceFactory.create(), alerts=2)
    large = incident_about(DeviceFactory.create(), IdentityFactory.create(), FileFactory.create(), alerts=40)
    for panel in ("", *(f"panels/{name}/" for name in PANELS), "summary/", "graph.json"):
        counts = []
        for one in (small, large):
            with CaptureQueriesContext(connection) as queries:
                desk.get(f"/incidents/{one.pk}/{panel}")
            counts.append(len(queries))
        assert counts[1] <= counts[0] + 3, panel
        assert counts[1] <= 22, (panel, counts)


def test_a_merged_incident_leads_to_where_it_went(desk: Client, incident: Incident) -> None:
    target = incident_about(DeviceFactory.create())
    INCIDENT_STATUS.move(incident, IncidentStatus.REDIRECTED, actor=SETTER, redirect_incident=target)
    answer = desk.get(f"/incidents/{incident.pk}/")
    assert (answer.status_code, answer["Location"]) == (302, f"/incidents/{target.pk}/")


def test_a_tab_that_nobody_fills_is_not_there(desk: Client, incident: Incident) -> None:
    assert desk.get(f"/incidents/{incident.pk}/nonsense/").status_code == 404


def test_a_later_room_adds_a_tab(desk: Client, incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    filling = Filling("extra", lambda _request, found: {"label": "Extra", "url": f"/extra/{found.pk}/", "count": 7})
    monkeypatch.setattr("core.slots._filled", {"incident.tabs": [filling]})
    page = desk.get(f"/incidents/{incident.pk}/extra/").content.decode()
    assert f'hx-get="/extra/{incident.pk}/"' in page
    assert "Extra" in page


def test_hostile_text_is_shown_and_does_nothing(desk: Client) -> None:
    device = DeviceFactory.create(display_name=HOSTILE)
    found = incident_about(device, display_name=HOSTILE, name_source="manual", custom_tags=[HOSTILE[:40]])
    alert = found.alerts.get()
    alert.title = alert.description = HOSTILE
    alert.additional_data = {"html": HOSTILE}
    alert.save()
    evidence(alert, type="url", display="https://evil.example/x", key="url:https://evil.example/x")
    for path in [*addresses_of(found), "/incidents/", "/waiting/", "/overview/", f"/search/?q={HOSTILE[:20]}"]:
        answer = desk.get(path)
        if answer["Content-Type"] == "application/json":
            continue
        page = answer.content.decode()
        assert "<script>alert" not in page, path
        assert "manage/?id" in path or "\u202e" not in page, path  # its field holds the name as it is
        assert 'href="https://evil.example' not in page


def test_alerts_outside_the_scope_are_counted_and_not_shown(client: Client, signed_in: SignedIn) -> None:
    inside, outside = DeviceGroupFactory.create(), DeviceGroupFactory.create()
    noor = person("noor", "analyst", groups=[inside])
    found = incident_about(DeviceFactory.create(device_group=inside))
    secret = AlertFactory.create(incident=found, title="Secret elsewhere", device_group_ids=[outside.pk])
    hidden = DeviceFactory.create(device_group=outside, display_name="HIDDEN-9")
    evidence(secret, hidden)
    found.device_group_ids = sorted([inside.pk, outside.pk])
    found.summary = "It began on HIDDEN-9."
    found.save()
    signed_in(client, noor)
    for path in [*addresses_of(found)[:14], f"/incidents/{found.pk}/summary/"]:
        page = client.get(path).content.decode()
        assert "Secret elsewhere" not in page, path
        assert "HIDDEN-9" not in page, path
    assert "1 alert outside your device groups" in client.get(f"/incidents/{found.pk}/panels/story/").content.decode()
    assert client.get(f"/alerts/{secret.pk}/").status_code == 404
    assert client.get(f"/incidents/{found.pk}/nodes/device-{hidden.pk}/").status_code == 404


def test_a_comment_stands_in_the_activities(desk: Client, incident: Incident) -> None:
    answer = desk.post(f"/incidents/{incident.pk}/comment/", {"text": "Called <b>them</b>."}, headers=PART)
    assert answer.status_code == 204
    page = desk.get(f"/incidents/{incident.pk}/panels/activities/").content.decode()
    assert "Called &lt;b&gt;them&lt;/b&gt;." in page
    empty = desk.post(f"/incidents/{incident.pk}/comment/", {"text": " "}, headers=PART)
    assert empty.status_code == 422


def test_activities_are_filtered_and_leafed(desk: Client, incident: Incident, ada: User) -> None:
    for number in range(SIZE + 10):
        comment_on(incident, text=f"Note {number}", actor=ada.actor)
    desk.post(f"/incidents/{incident.pk}/assign-to-me/", headers=PART)
    base = f"/incidents/{incident.pk}/panels/activities/"
    first = desk.get(f"{base}?kind=comments")
    assert len(first.context["entries"]) == SIZE
    assert len(desk.get(first.context["older_url"]).context["entries"]) == 10
    changes = desk.get(f"{base}?kind=changes").context["entries"]
    assert [(change.label, change.new) for entry in changes for change in entry.changes] == [("Owner", str(ada))]
    assert desk.get(f"{base}?by=system&kind=comments").context["entries"] == []


def test_managing_one_incident_saves_what_was_filled_in(desk: Client, incident: Incident, ada: User) -> None:
    form = desk.get(f"/incidents/manage/?id={incident.pk}", headers=PART).context["form"]
    filled = {**form.initial, "id": incident.pk, "assigned_to": "Ada Lindqvist (ada)", "status": "inProgress",
              "verdict": "truePositive/malware", "new_tags": "vip, ransomware"}  # fmt: skip
    assert desk.post("/incidents/manage/", filled, headers=PART).status_code == 204
    incident.refresh_from_db()
    assert (incident.assigned_to, incident.status, incident.determination) == (ada, "inProgress", "malware")
    assert incident.custom_tags == ["vip", "ransomware"]
    stale = desk.post("/incidents/manage/", {**filled, "display_name": "Later"}, headers=PART)
    assert (stale.status_code, "Somebody changed this incident" in stale.content.decode()) == (422, True)


@pytest.mark.parametrize("owner", ["nobody at all", "eve"])
def test_an_owner_must_be_somebody(desk: Client, incident: Incident, owner: str) -> None:
    form = desk.get(f"/incidents/manage/?id={incident.pk}", headers=PART).context["form"]
    answer = desk.post("/incidents/manage/", {**form.initial, "id": incident.pk, "assigned_to": owner}, headers=PART)
    assert (answer.status_code, "nobody is called so" in answer.content.decode()) == (422, True)


def test_checked_alerts_move_to_a_new_incident(desk: Client, incident: Incident) -> None:
    alert = incident.alerts.order_by("pk")[0]
    filled = {"alert": alert.pk, "reason": "sameAsset", "comment": "Not this one."}
    answer = desk.post(f"/incidents/{incident.pk}/move-alerts/", filled, headers=PART)
    assert answer.status_code == 204, answer.content.decode()
    alert.refresh_from_db()
    assert alert.incident_id != incident.pk
    assert answer["HX-Redirect"] == f"/incidents/{alert.incident_id}/alerts/"


def test_alerts_do_not_move_into_what_a_person_may_not_see(
    client: Client, eve: User, signed_in: SignedIn, elsewhere: DeviceGroup, incident: Incident
) -> None:
    hers = incident_about(DeviceFactory.create(device_group=elsewhere))
    alert = hers.alerts.get()
    filled = {"alert": alert.pk, "to": f"INC-{incident.pk}", "reason": "sameAsset"}
    answer = signed_in(client, eve).post(f"/incidents/{hers.pk}/move-alerts/", filled, headers=PART)
    assert (answer.status_code, "no such incident" in answer.content.decode()) == (422, True)


def test_an_incident_by_hand_names_its_assets(desk: Client) -> None:
    device = DeviceFactory.create(display_name="LAB-1")
    filled: dict[str, Any] = {"title": "Stolen laptop", "severity": "high", "assets": "lab-1\n", "assign_to_me": "on"}
    assert desk.post("/incidents/new/", {**filled, "assets": "lab-1\nnobody"}, headers=PART).status_code == 422
    answer = desk.post("/incidents/new/", filled, headers=PART)
    made = Incident.objects.get(display_name="Stolen laptop")
    assert answer["HX-Redirect"] == f"/incidents/{made.pk}/"
    assert made.alerts.get().evidence.get().device == device


def test_managing_an_alert_keeps_the_counts_of_its_incident(desk: Client, incident: Incident) -> None:
    alert = incident.alerts.order_by("pk")[0]
    form = desk.get(f"/alerts/{alert.pk}/manage/", headers=PART).context["form"]
    filled = {**form.initial, "status": "resolved", "verdict": "falsePositive/notMalicious", "comment": "Known tool."}
    assert desk.post(f"/alerts/{alert.pk}/manage/", filled, headers=PART).status_code == 204
    incident.refresh_from_db()
    assert (incident.status, incident.alert_counts["active"]) == ("active", 1)
    assert incident.comments.get().text.endswith("Known tool.")


def test_nothing_contained_yet_is_said_while_a_high_incident_is_open(desk: Client) -> None:
    burning = incident_about(DeviceFactory.create(), DeviceFactory.create(), severity="high")
    lesser = incident_about(DeviceFactory.create(), severity="medium")

    assert "0 of 2 devices contained" in desk.get(f"/incidents/{burning.pk}/").content.decode()
    assert "devices contained" not in desk.get(f"/incidents/{lesser.pk}/").content.decode()

    update_incident(burning, changes={"status": "resolved"}, actor=SETTER)
    assert "0 of 2 devices contained" not in desk.get(f"/incidents/{burning.pk}/").content.decode()


def test_accounts_are_counted_where_no_device_was_reached(desk: Client) -> None:
    fraud = incident_about(IdentityFactory.create(), severity="high")

    assert "0 of 1 account contained" in desk.get(f"/incidents/{fraud.pk}/").content.decode()


def test_a_contained_device_counts_although_its_evidence_is_blocked_since(desk: Client) -> None:
    held = {"network": {"state": "isolated", "active": True, "since": "", "by": "Rita"}}
    device, other = DeviceFactory.create(mitigation=held), DeviceFactory.create()
    found = incident_about(device, other)
    found.alerts.get().evidence.filter(device=device).update(remediation_status="blocked")

    assert "1 of 2 devices contained" in desk.get(f"/incidents/{found.pk}/").content.decode()


def test_the_dialog_says_what_resolving_leaves_behind_and_still_resolves(desk: Client, ada: User) -> None:
    device, account = DeviceFactory.create(), IdentityFactory.create()
    found = incident_about(device, account)

    dialog = desk.get(f"/incidents/manage/?id={found.pk}", headers=PART).content.decode()
    for said in ("0 of 1 device contained", "0 of 1 account contained", device.display_name, "Nobody owns it",
                 "not classified yet"):  # fmt: skip
        assert said in dialog

    update_incident(found, changes={"status": "resolved"}, actor=ada.actor)
    found.refresh_from_db()
    assert found.status == IncidentStatus.RESOLVED


def test_the_dialog_does_not_warn_when_all_is_contained_owned_and_classified(desk: Client, ada: User) -> None:
    held = {"network": {"state": "isolated", "active": True, "since": "", "by": "Rita"}}
    found = incident_about(DeviceFactory.create(mitigation=held))
    update_incident(found, changes={"assigned_to": ada, "classification": "truePositive"}, actor=ada.actor)

    dialog = desk.get(f"/incidents/manage/?id={found.pk}", headers=PART).content.decode()

    assert "Still open" not in dialog
    assert "Nobody owns it" not in dialog
