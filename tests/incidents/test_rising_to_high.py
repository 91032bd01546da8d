"""An incident that becomes High after somebody took it up is told to its owner until it is looked at."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core import clock
from incidents.models import Incident
from incidents.services.manage import update_incident
from tests.factories.wire import correlated, device, graph_alert

pytestmark = pytest.mark.django_db


def alert(severity: str, n: int) -> Incident:
    sent = graph_alert(device(), severity=severity, at=clock.now(), title=f"Detection {n}", detectorId=f"d{n}")
    return correlated(sent)[0]


@pytest.fixture
def risen(ada: User) -> Incident:
    taken = alert("medium", 1)
    update_incident(taken, changes={"assigned_to": ada, "status": "inProgress"}, actor=ada.actor)
    assert alert("high", 2) == taken
    return Incident.objects.get(pk=taken.pk)


def test_its_owner_reads_it_where_work_waits(client: Client, ada: User, risen: Incident) -> None:
    client.force_login(ada)
    answer = client.get(reverse("incidents:waiting"))
    assert [row.unread for row in answer.context["mine"]] == [True]
    assert "rose to High" in answer.content.decode()
    assert "rose to High" in client.get(reverse("incidents:queue")).content.decode()


def test_opened_by_its_owner_it_is_seen(client: Client, ada: User, rita: User, risen: Incident) -> None:
    client.force_login(rita)
    client.get(reverse("incidents:incident", args=[risen.pk]))
    assert Incident.objects.exclude(rose_to_high=None).get() == risen
    client.force_login(ada)
    client.get(reverse("incidents:incident", args=[risen.pk]))
    risen.refresh_from_db()
    assert risen.rose_to_high is None
    assert "rose to High" not in client.get(reverse("incidents:waiting")).content.decode()


def test_managing_it_is_seeing_it(ada: User, risen: Incident) -> None:
    update_incident(risen, changes={"custom_tags": ["seen"]}, actor=ada.actor)
    risen.refresh_from_db()
    assert risen.rose_to_high is None


def test_what_nobody_took_up_and_what_was_high_already_did_not_rise(ada: User) -> None:
    incident = alert("medium", 1)
    alert("high", 2)
    update_incident(incident, changes={"assigned_to": ada}, actor=ada.actor)
    alert("high", 3)
    incident.refresh_from_db()
    assert incident.severity == "high"
    assert incident.rose_to_high is None
