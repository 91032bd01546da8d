"""An attack that goes on after its incident was resolved: a new incident, and both name each other."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from core.models import AuditEvent
from incidents.correlation.merge import merge_incidents
from incidents.models import Alert, CorrelationLink, Incident
from incidents.services.manage import update_incident
from incidents.services.restrict import restrict_incident
from tests.factories.wire import MALWARE, SENSOR, correlated, device, file, graph_alert, user

pytestmark = pytest.mark.django_db


def different(n: int) -> dict[str, Any]:
    return {"title": f"Detection {n}", "detectorId": f"d{n}"}


def resolved(ada: User, **verdict: str) -> Incident:
    """A high incident about a file on a device, which somebody closes."""
    incident = correlated(graph_alert(device("pc-1"), file(MALWARE), severity="high", **different(1)))[0]
    return update_incident(incident, changes={"status": "resolved", **verdict}, actor=ada.actor)


def noise(minutes: float = 5) -> Incident:
    return correlated(graph_alert(device("pc-2"), minutes=minutes, **different(2)))[0]


def goes_on(minutes: float = 10, n: int = 3) -> Incident:
    """The same file on the device that the noise is about."""
    return correlated(graph_alert(device("pc-2"), file(MALWARE), minutes=minutes, **different(n)))[0]


def test_what_goes_on_opens_a_new_incident_beside_a_weaker_open_one(ada: User) -> None:
    old, other = resolved(ada), noise()
    new = goes_on()
    assert new not in (old, other)
    assert new.continues == old
    old.refresh_from_db()
    assert old.status == "resolved"
    assert CorrelationLink.objects.get(incident=new).evidence.startswith("Same file")


def test_later_alerts_join_the_one_that_continues(ada: User) -> None:
    resolved(ada)
    noise()
    new = goes_on()
    assert goes_on(20, 4) == new
    assert correlated(graph_alert(device("pc-1"), minutes=30, **different(5)))[0] == new


def test_the_one_that_continues_is_not_merged_into_one_that_is_worked_on(ada: User) -> None:
    resolved(ada)
    other = noise()
    update_incident(other, changes={"assigned_to": ada, "status": "inProgress"}, actor=ada.actor)
    new = goes_on()
    assert goes_on(20, 4) == new
    other.refresh_from_db()
    assert other.status == "inProgress"
    assert other.alerts.count() == 1


def test_a_stronger_tie_to_an_open_incident_counts_more(ada: User) -> None:
    old = correlated(graph_alert(device("pc-1"), user(), **different(1)))[0]
    update_incident(old, changes={"status": "resolved"}, actor=ada.actor)
    attack = correlated(graph_alert(device("pc-2"), file(MALWARE), minutes=5, **different(2)))[0]
    assert correlated(graph_alert(device("pc-1"), file(MALWARE), minutes=10, **different(3)))[0] == attack


def test_what_was_closed_as_nothing_bad_holds_nothing_back(ada: User) -> None:
    old = resolved(ada, classification="falsePositive", determination="notMalicious")
    other = noise()
    assert goes_on() == other
    alone = correlated(graph_alert(device("pc-3"), file(MALWARE), minutes=12, **different(4)))[0]
    assert alone in (other, Incident.objects.filter(continues=old).first())


def test_a_chain_of_resolved_incidents_goes_on_from_its_last(ada: User) -> None:
    resolved(ada)
    second = goes_on()
    update_incident(second, changes={"status": "resolved"}, actor=ada.actor)
    third = goes_on(20, 4)
    assert third.continues == second
    assert correlated(graph_alert(device("pc-1"), minutes=30, **different(5)))[0] == third


def test_both_pages_and_both_histories_name_the_other(client: Client, ada: User) -> None:
    old = resolved(ada)
    new = goes_on()
    client.force_login(ada)
    for one, words in ((new, f"Continues {old.number}"), (old, f"Continued in {new.number}")):
        history = client.get(f"/incidents/{one.pk}/panels/activities/").content.decode()
        assert words in history
    assert f'href="/incidents/{old.pk}/">{old.number}' in client.get(f"/incidents/{new.pk}/").content.decode()
    assert f'href="/incidents/{new.pk}/">{new.number}' in client.get(f"/incidents/{old.pk}/").content.decode()


def test_who_may_not_see_the_other_is_not_told(client: Client, ada: User, rita: User, mona: User) -> None:
    old = resolved(ada)
    new = goes_on()
    restrict_incident(old, people=[rita, mona], actor=rita.actor, reason="insider case")
    client.force_login(ada)
    page = client.get(f"/incidents/{new.pk}/").content.decode()
    history = client.get(f"/incidents/{new.pk}/panels/activities/").content.decode()
    assert old.number not in page + history
    client.force_login(rita)
    assert f"Continues {old.number}" in client.get(f"/incidents/{new.pk}/panels/activities/").content.decode()


def test_a_merge_hands_on_what_is_continued(ada: User) -> None:
    old, other = resolved(ada), noise()
    new = goes_on()
    merge_incidents([(other, [new])], actor=SENSOR, reason="they belong together")
    other.refresh_from_db()
    assert other.continues == old
    assert goes_on(20, 4) == other
    merge_incidents([(other, [old])], actor=SENSOR, reason="they belong together")
    other.refresh_from_db()
    assert other.continues is None


def test_a_changed_alert_stays_in_its_resolved_incident(ada: User) -> None:
    sent = graph_alert(device("pc-1"), file(MALWARE), severity="high", **different(1))
    old = correlated(sent)[0]
    update_incident(old, changes={"status": "resolved"}, actor=ada.actor)
    assert correlated({**sent, "description": "More is known."})[0] == old
    assert Alert.objects.count() == 1
    assert not AuditEvent.objects.filter(verb="incident.continues").exists()
