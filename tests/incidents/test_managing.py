"""What managing an incident does to it, to its alerts and to the history."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from core.models import AuditEvent
from incidents.enums import AlertStatus, Determination, IncidentStatus
from incidents.lifecycle import INCIDENT_STATUS
from incidents.models import Incident
from incidents.services.comment import comment_on
from incidents.services.create_incident import create_incident
from incidents.services.manage import StaleVersion, update_incident
from incidents.services.manage_alert import update_alert
from incidents.services.restrict import open_restricted_incident, restrict_incident
from incidents.services.roll_up import roll_up
from tests.factories.incidents import SETTER, AlertFactory, DeviceFactory, IncidentFactory, incident_about

pytestmark = pytest.mark.django_db


def verbs(incident: Incident) -> list[str]:
    return list(AuditEvent.objects.filter(thread=incident.thread).order_by("id").values_list("verb", flat=True))


def test_assigning_gives_every_alert_the_same_owner_with_an_entry_each(ada: User) -> None:
    incident = incident_about(DeviceFactory.create(), alerts=3)
    incident = update_incident(incident, changes={"assigned_to": ada}, actor=ada.actor)
    assert {alert.assigned_to for alert in incident.alerts.all()} == {ada}
    assert verbs(incident).count("alert.changed") == 3
    assert incident.acknowledged is not None


def test_the_first_acknowledgement_stays(ada: User, rita: User) -> None:
    incident = incident_about(DeviceFactory.create())
    first = update_incident(incident, changes={"status": "inProgress"}, actor=ada.actor).acknowledged
    again = update_incident(incident, changes={"assigned_to": rita}, actor=rita.actor)
    assert first is not None
    assert again.acknowledged == first


def test_resolving_resolves_the_open_alerts_and_says_so_for_each(ada: User) -> None:
    incident = incident_about(DeviceFactory.create(), alerts=3)
    update_alert(incident.alerts.all()[0], changes={"status": "resolved"}, actor=ada.actor)
    changes = {"status": "resolved", "resolving_comment": "Cleaned."}
    incident = update_incident(incident, changes=changes, actor=ada.actor)
    assert {alert.status for alert in incident.alerts.all()} == {AlertStatus.RESOLVED}
    assert incident.alert_counts["active"] == 0
    assert incident.resolved is not None
    assert verbs(incident).count("alert.status") == 3
    told = AuditEvent.objects.get(thread=incident.thread, verb="incident.status")
    assert told.changes == {"status": ["active", "resolved"]}
    assert (told.reason, told.actor_name) == ("Cleaned.", str(ada))


def test_reopening_counts_and_forgets_the_close(ada: User) -> None:
    incident = incident_about(DeviceFactory.create())
    update_incident(incident, changes={"status": "resolved"}, actor=ada.actor)
    incident = update_incident(incident, changes={"status": "inProgress"}, actor=ada.actor)
    assert (incident.status, incident.reopened_count, incident.resolved) == (IncidentStatus.IN_PROGRESS, 1, None)


def test_a_severity_set_by_hand_survives_new_alerts_until_it_is_handed_back(ada: User) -> None:
    incident = incident_about(DeviceFactory.create(), severity="medium")
    incident = update_incident(incident, changes={"severity": "low"}, actor=ada.actor)
    AlertFactory.create(incident=incident, severity="high")
    roll_up([incident.pk], actor=SETTER)
    incident.refresh_from_db()
    assert incident.severity == "low"
    incident = update_incident(incident, changes={"severity": None}, actor=ada.actor)
    assert (incident.severity, incident.severity_rank, incident.severity_source) == ("high", 4, "auto")


@pytest.mark.parametrize(
    ("classification", "determination", "holds"),
    [
        ("truePositive", "malware", True),
        ("truePositive", "unknown", True),
        ("falsePositive", "notMalicious", True),
        ("informationalExpectedActivity", "securityTesting", True),
        ("falsePositive", "malware", False),
        ("unknown", "phishing", False),
        ("truePositive", "apt", False),
    ],
)
def test_the_matrix_of_classification_and_determination_holds(
    ada: User, classification: str, determination: str, *, holds: bool
) -> None:
    incident = IncidentFactory.create()
    changes = {"classification": classification, "determination": determination}
    if holds:
        assert update_incident(incident, changes=changes, actor=ada.actor).determination == determination
    else:
        with pytest.raises(ValidationError):
            update_incident(incident, changes=changes, actor=ada.actor)


def test_another_classification_drops_a_determination_that_it_does_not_know(ada: User) -> None:
    incident = IncidentFactory.create(classification="truePositive", determination="malware")
    incident = update_incident(incident, changes={"classification": "falsePositive"}, actor=ada.actor)
    assert incident.determination == Determination.UNKNOWN


def test_a_stale_version_is_told_and_changes_nothing(ada: User, rita: User) -> None:
    incident = IncidentFactory.create()
    update_incident(incident, changes={"display_name": "Another name"}, actor=rita.actor)
    with pytest.raises(StaleVersion):
        update_incident(incident, changes={"display_name": "Mine"}, actor=ada.actor, expected_version=1)
    incident.refresh_from_db()
    assert (incident.display_name, incident.version) == ("Another name", 2)


def test_nothing_that_differs_is_no_change(ada: User) -> None:
    incident = IncidentFactory.create()
    update_incident(incident, changes={"display_name": incident.display_name}, actor=ada.actor)
    assert verbs(incident) == []


def test_a_tag_is_kept_once_in_its_first_spelling(ada: User) -> None:
    incident = IncidentFactory.create()
    incident = update_incident(incident, changes={"custom_tags": ["vip", "VIP", " vip ", ""]}, actor=ada.actor)
    assert incident.custom_tags == ["vip"]


def test_open_pages_hear_of_a_change_only_within_the_audience(
    ada: User, rita: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr("core.live._send", lambda message: heard.append(json.loads(message)))
    device = DeviceFactory.create()
    incident = incident_about(device)
    with django_capture_on_commit_callbacks(execute=True):
        update_incident(incident, changes={"display_name": "Known to the group"}, actor=ada.actor)
        restrict_incident(incident, people=[rita], actor=ada.actor, reason="An insider.")
    assert (heard[0]["topic"], heard[0]["groups"]) == ("incident.changed", [device.device_group_id])
    assert heard[-1]["people"] == sorted([ada.pk, rita.pk])


def test_a_merged_incident_no_longer_changes(ada: User) -> None:
    incident = IncidentFactory.create()
    INCIDENT_STATUS.move(incident, IncidentStatus.REDIRECTED, actor=SETTER)
    with pytest.raises(ValidationError):
        update_incident(incident, changes={"display_name": "x"}, actor=ada.actor)
    with pytest.raises(ValidationError):
        comment_on(incident, text="x", actor=ada.actor)


@pytest.mark.parametrize("text", ["", "   ", "\x00", "x" * 30_001])
def test_a_comment_has_between_one_and_thirty_thousand_characters(ada: User, text: str) -> None:
    with pytest.raises(ValidationError):
        comment_on(IncidentFactory.create(), text=text, actor=ada.actor)


def test_an_incident_by_hand_has_a_manual_alert_that_gives_it_its_scope(ada: User) -> None:
    device = DeviceFactory.create()
    incident = create_incident("Stolen laptop", severity="high", entities=[device], actor=ada.actor, assigned_to=ada)
    alert = incident.alerts.get()
    assert (alert.detection_source, alert.severity, alert.assigned_to) == ("manual", "high", ada)
    assert incident.device_group_ids == [device.device_group_id]
    assert not incident.open_to_all
    assert incident.display_name == "Stolen laptop"


def test_a_restricted_incident_is_seen_by_the_named_people_only(ada: User, rita: User, adam: User) -> None:
    incident = incident_about(DeviceFactory.create())
    restrict_incident(incident, people=[rita], actor=ada.actor, reason="An insider.")
    seen = [person for person in (ada, rita, adam) if Incident.objects.visible_to(person).filter(pk=incident.pk)]
    assert seen == [ada, rita]
    open_restricted_incident(incident, actor=rita.actor, reason="Over.")
    assert Incident.objects.visible_to(adam).filter(pk=incident.pk).count() == 1


def test_a_note_and_a_comment_from_a_browser_keep_their_lines_and_nothing_else(ada: User) -> None:
    incident = incident_about(DeviceFactory.create())
    changes = {"status": "resolved", "resolving_comment": "Cleaned.\r\nRestored."}
    incident = update_incident(incident, changes=changes, actor=ada.actor)
    comment = comment_on(incident, text="One.\r\nTwo.", actor=ada.actor)

    told = AuditEvent.objects.get(thread=incident.thread, verb="incident.status")

    assert (incident.resolving_comment, comment.text) == ("Cleaned.\nRestored.", "One.\nTwo.")
    assert told.reason == "Cleaned.\nRestored."
