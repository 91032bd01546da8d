"""`/incidents` and what hangs below one."""

import pytest

from accounts.models import DeviceGroup, User
from incidents.models import Alert, CorrelationLink
from tests.factories.api import caller
from tests.factories.incidents import DeviceFactory, IdentityFactory, IncidentFactory, evidence, incident_about
from tests.factories.reviews import resolved_incident, written_review

pytestmark = pytest.mark.django_db
PROMISED = {
    "id", "display_name", "description", "status", "severity", "severity_source", "classification", "determination",
    "assigned_to", "custom_tags", "system_tags", "priority_score", "priority_factors", "alert_counts",
    "impacted_assets", "first_activity", "last_activity", "created", "updated", "acknowledged", "contained_at",
    "resolved", "resolving_comment", "redirect_incident_id", "version",
}  # fmt: skip


def test_an_incident_has_the_promised_fields(ada: User) -> None:
    device = DeviceFactory.create()
    incident = incident_about(device, assigned_to=ada)
    body = caller(ada).get(f"/incidents/{incident.pk}").body
    assert set(body) >= PROMISED
    assert (body["assigned_to"], body["alert_counts"]["total"]) == ("ada", 1)
    assert set(caller(ada).get("/incidents").body["results"][0]) >= PROMISED


def test_opening_an_incident_by_hand(ada: User, rita: User) -> None:
    device = DeviceFactory.create()
    answer = caller(ada).post("/incidents", {
        "display_name": "Lost laptop", "severity": "medium", "description": "On the train", "assigned_to": "rita",
        "custom_tags": ["loss"], "entities": [{"kind": "device", "id": str(device.pk)}],
    })  # fmt: skip
    assert answer.status == 201
    assert answer.headers["Location"] == f"/api/v1/incidents/{answer.body['id']}"
    assert (answer.body["assigned_to"], answer.body["custom_tags"]) == ("rita", ["loss"])
    assert Alert.objects.get().evidence.get().device == device


def test_naming_an_asset_outside_the_scope_is_a_404(eve: User) -> None:
    device = DeviceFactory.create()
    body = {"display_name": "Mine", "severity": "low", "entities": [{"kind": "device", "id": str(device.pk)}]}
    assert caller(eve).post("/incidents", body).status == 404


def test_resolving_resolves_the_alerts(ada: User) -> None:
    incident = incident_about(DeviceFactory.create(), alerts=2)
    changes = {"status": "resolved", "classification": "truePositive", "determination": "malware",
               "resolving_comment": "Cleaned"}  # fmt: skip
    body = caller(ada).patch(f"/incidents/{incident.pk}", changes).body
    assert (body["status"], body["determination"], body["alert_counts"]["active"]) == ("resolved", "malware", 0)
    assert body["resolved"] is not None
    assert set(Alert.objects.values_list("status", flat=True)) == {"resolved"}


def test_a_determination_of_another_classification_is_refused(ada: User) -> None:
    incident = IncidentFactory.create()
    answer = caller(ada).patch(
        f"/incidents/{incident.pk}", {"classification": "falsePositive", "determination": "malware"}
    )
    assert answer.status == 400


def test_the_owner_can_be_taken_away(ada: User) -> None:
    incident = IncidentFactory.create(assigned_to=ada)
    assert caller(ada).patch(f"/incidents/{incident.pk}", {"assigned_to": None}).body["assigned_to"] is None


def test_a_merged_incident_no_longer_changes(ada: User) -> None:
    target = IncidentFactory.create()
    merged = IncidentFactory.create(status="redirected", redirect_incident=target)
    answer = caller(ada).patch(f"/incidents/{merged.pk}", {"description": "x"})
    assert (answer.status, answer.body["error"]["link"]) == (409, f"/api/v1/incidents/{target.pk}")


def test_comments(ada: User) -> None:
    incident = IncidentFactory.create()
    client = caller(ada)
    for text in ("First <b>", "Second"):
        answer = client.post(f"/incidents/{incident.pk}/comments", {"text": text})
        assert (answer.status, answer.body["author"]["kind"]) == (201, "token")
    listed = client.get(f"/incidents/{incident.pk}/comments").body["results"]
    assert [comment["text"] for comment in listed] == ["Second", "First <b>"]
    assert client.post(f"/incidents/{incident.pk}/comments", {"text": "x" * 30_001}).status == 400


def test_activities_tell_who_changed_what(ada: User) -> None:
    incident = IncidentFactory.create(severity="low")
    client = caller(ada)
    client.patch(f"/incidents/{incident.pk}", {"description": "New"})
    event = client.get(f"/incidents/{incident.pk}/activities").body["results"][0]
    assert (event["subject"], event["changes"]["description"]) == (f"incident:{incident.pk}", ["", "New"])


def test_alerts_with_their_reasons_and_evidence(ada: User) -> None:
    device = DeviceFactory.create()
    incident = incident_about(device)
    alert = incident.alerts.get()
    CorrelationLink.objects.create(
        alert=alert, incident=incident, reason="sameAsset", rule="shared_device", evidence="x"
    )
    body = caller(ada).get(f"/incidents/{incident.pk}/alerts").body["results"][0]
    assert body["correlation"] == [
        {"reason": "sameAsset", "rule": "shared_device", "evidence": "x", "other_alert": None}
    ]
    assert body["evidence"][0]["entity"] == {"kind": "device", "id": str(device.pk)}
    assert caller(ada).get(f"/incidents/{incident.pk}/evidence").body["results"][0]["id"] == body["evidence"][0]["id"]


def test_what_is_out_of_scope_is_counted_and_not_named(eve: User, elsewhere: DeviceGroup) -> None:
    hers, theirs = DeviceFactory.create(device_group=elsewhere), DeviceFactory.create()
    incident = incident_about(hers, theirs)
    hidden = incident_about(theirs, alerts=1)
    hidden.alerts.update(incident=incident)
    client = caller(eve)
    body = client.get(f"/incidents/{incident.pk}").body
    assert theirs.display_name not in [one["name"] for one in body["impacted_assets"]["names"]]
    assert client.get("/incidents", search=theirs.display_name).ids == []
    alerts = client.get(f"/incidents/{incident.pk}/alerts").body["results"]
    assert len(alerts) == 1
    assert {"kind": "device", "id": str(theirs.pk)} not in [row["entity"] for row in alerts[0]["evidence"]]


def test_a_restricted_incident_is_read_by_the_named_people_only(ada: User, rita: User) -> None:
    incident = IncidentFactory.create(restricted=True)
    incident.restricted_to.set([ada])
    assert caller(ada).get(f"/incidents/{incident.pk}").status == 200
    assert caller(rita).get(f"/incidents/{incident.pk}").status == 404


def test_the_report_of_an_incident(ada: User, mona: User) -> None:
    incident = resolved_incident()
    path = f"/incidents/{incident.pk}/report"
    assert caller(mona).get(path).body["state"] == "none"
    written_review(incident, ada)
    body = caller(mona).get(path).body
    assert (body["state"], body["report"]["lessons"]) == ("draft", "Call back before paying.")


def test_entities_take_tags_value_and_criticality(ada: User) -> None:
    device, identity = DeviceFactory.create(), IdentityFactory.create()
    client = caller(ada)
    changed = client.patch(f"/devices/{device.pk}", {"tags": ["vip"], "value": "high", "criticality": "veryHigh"})
    assert (changed.body["tags"], changed.body["value"], changed.body["criticality"]) == (["vip"], "high", "veryHigh")
    assert client.patch(f"/identities/{identity.pk}", {"value": "high"}).status == 400
    assert client.patch(f"/devices/{device.pk}", {"tags": []}, If_Match='"1"').status == 409


def test_entities_are_found_by_what_they_are(ada: User) -> None:
    device = DeviceFactory.create(tags=["server"], mitigation={"network": {"state": "isolated", "active": True}})
    DeviceFactory.create()
    body = caller(ada).get("/devices", tags="server").body["results"]
    assert [row["id"] for row in body] == [str(device.pk)]
    assert body[0]["mitigation"]["network"]["state"] == "isolated"
    assert caller(ada).get("/devices", search=device.display_name.lower()).ids == [str(device.pk)]


def test_an_alert_is_changed_alone(ada: User) -> None:
    incident = incident_about(alerts=2)
    alert = incident.alerts.first()
    assert alert is not None
    evidence(alert, type="ip", display="203.0.113.77", key="ip:203.0.113.77")
    client = caller(ada)
    body = client.patch(f"/alerts/{alert.pk}", {"status": "resolved"}).body
    assert (body["status"], body["evidence"][0]["type"]) == ("resolved", "ip")
    assert client.get(f"/incidents/{incident.pk}").body["alert_counts"]["active"] == 1


def test_alerts_are_moved_to_a_new_incident_and_back(ada: User) -> None:
    incident = incident_about(DeviceFactory.create(), alerts=2)
    alert = incident.alerts.first()
    assert alert is not None
    order = {"alerts": [str(alert.pk)], "incident": None, "reason": "sameActor", "comment": "Another story"}
    moved = caller(ada).post("/alerts/move", order)
    assert (moved.status, moved.body["alert_counts"]["total"]) == (200, 1)
    assert caller(ada).get(f"/alerts/{alert.pk}").body["incident_id"] == moved.body["id"]
    back = caller(ada).post("/alerts/move", {**order, "incident": str(incident.pk)})
    assert back.body["alert_counts"]["total"] == 2
    assert caller(ada).get(f"/incidents/{moved.body['id']}").body["redirect_incident_id"] == str(incident.pk)


def test_every_moved_alert_must_be_seen(eve: User, elsewhere: DeviceGroup) -> None:
    hers, theirs = incident_about(DeviceFactory.create(device_group=elsewhere)), incident_about(DeviceFactory.create())
    ids = [str(incident.alerts.get().pk) for incident in (hers, theirs)]
    answer = caller(eve).post("/alerts/move", {"alerts": ids, "incident": None, "reason": "sameActor"})
    assert answer.status == 404
    there = {"alerts": ids[:1], "incident": str(theirs.pk), "reason": "sameActor"}
    assert caller(eve).post("/alerts/move", there).status == 404
