"""What one act does to many alerts is one line of the activities, which unfolds."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core.models import AuditEvent
from incidents.activities import activities_of
from incidents.models import Incident
from incidents.services.manage import update_incident
from tests.factories.wire import correlated, device, graph_alert

pytestmark = pytest.mark.django_db


@pytest.fixture
def many() -> Incident:
    return correlated(
        *(graph_alert(device(), minutes=n, title=f"Detection {n}", detectorId=f"d{n}") for n in range(30))
    )[0]


def test_resolving_is_one_line_for_all_alerts_beside_the_incidents_own(ada: User, many: Incident) -> None:
    update_incident(many, changes={"status": "resolved"}, actor=ada.actor)
    titles = [entry.title for entry in activities_of(many, ada).entries]
    assert "30 alerts resolved" in titles
    assert "Status changed" in titles[:3]
    assert AuditEvent.objects.filter(thread=many.thread, verb="alert.status").count() == 30


def test_the_line_unfolds_into_each_alert(client: Client, ada: User, many: Incident) -> None:
    update_incident(many, changes={"assigned_to": ada}, actor=ada.actor)
    entry = next(one for one in activities_of(many, ada).entries if one.title == "30 alerts changed")
    assert {part.title for part in entry.parts} == {f"Alert “Detection {n}” changed" for n in range(30)}
    client.force_login(ada)
    page = client.get(reverse("incidents:tab-activities", args=[many.pk])).content.decode()
    assert "Alert “Detection 17” changed" in page


def test_acts_of_two_people_stay_apart(ada: User, rita: User, many: Incident) -> None:
    update_incident(many, changes={"assigned_to": ada}, actor=ada.actor)
    update_incident(many, changes={"assigned_to": rita}, actor=rita.actor)
    found = [entry for entry in activities_of(many, ada).entries if entry.title == "30 alerts changed"]
    assert [entry.actor.name for entry in found] == [str(rita), str(ada)]
