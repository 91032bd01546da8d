"""An incident whose owner cannot sign in any more has nobody who looks after it, and is shown so."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.services.people import deactivate_user
from core import clock
from incidents.models import Incident
from incidents.overview import open_now
from incidents.services.manage import update_incident
from soc_portal.navigation import count_for
from tests.factories.people import person
from tests.factories.wire import SENSOR, correlated, device, graph_alert

pytestmark = pytest.mark.django_db


@pytest.fixture
def noor() -> User:
    return person("noor", "analyst", name="Noor Castell")


@pytest.fixture
def left(noor: User) -> Incident:
    """High, in progress, and its owner is gone."""
    with clock.at(clock.now()):
        incident = correlated(graph_alert(device(), severity="high", at=clock.now()))[0]
    update_incident(incident, changes={"assigned_to": noor, "status": "inProgress"}, actor=noor.actor)
    deactivate_user(noor, actor=SENSOR, reason="Has left the company.")
    return Incident.objects.get(pk=incident.pk)


def test_it_waits_as_high_without_an_owner(client: Client, ada: User, left: Incident) -> None:
    client.force_login(ada)
    context = client.get(reverse("incidents:waiting")).context
    assert [row.incident for row in context["unowned"]] == [left]
    assert count_for(ada).unowned == 1
    assert open_now(ada, now=clock.now()).high_unowned == 1


def test_an_owner_who_can_sign_in_keeps_it_from_that_list(client: Client, ada: User, left: Incident) -> None:
    update_incident(left, changes={"assigned_to": ada}, actor=ada.actor)
    client.force_login(ada)
    assert client.get(reverse("incidents:waiting")).context["unowned"] == []
    assert count_for(ada).unowned == 0


def test_the_queue_shows_it_unread_and_says_that_the_owner_is_switched_off(
    client: Client, ada: User, left: Incident
) -> None:
    client.force_login(ada)
    answer = client.get(reverse("incidents:queue"))
    assert [row.unread for row in answer.context["rows"]] == [True]
    assert "Noor Castell (switched off)" in answer.content.decode()
    assert "Noor Castell (switched off)" in client.get(reverse("incidents:incident", args=[left.pk])).content.decode()


@pytest.mark.parametrize("who", ["nobody", "herself"])
def test_the_owner_filter_finds_it_either_way(client: Client, ada: User, left: Incident, noor: User, who: str) -> None:
    client.force_login(ada)
    value = "nobody" if who == "nobody" else str(noor.pk)
    answer = client.get(reverse("incidents:queue"), {"owner": value})
    assert [row.incident for row in answer.context["rows"]] == [left]
    dialog = client.get(reverse("incidents:filters")).content.decode()
    assert "Noor Castell (switched off)" in dialog
