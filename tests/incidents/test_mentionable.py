"""The list under an @ offers people who can open the incident, and nobody else."""

import pytest
from django.test import Client

from accounts.models import User
from incidents.models import Incident
from incidents.services.restrict import restrict_incident
from tests.conftest import SignedIn
from tests.factories.incidents import DeviceFactory, incident_about
from tests.factories.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident(db: None) -> Incident:
    made = incident_about(DeviceFactory.create())
    groups = made.alerts.get().device_group_ids
    Incident.objects.update(open_to_all=False, device_group_ids=groups)
    made.refresh_from_db()
    return made


def offered(client: Client, incident: Incident, begun: str) -> list[str]:
    answer = client.get(f"/incidents/{incident.pk}/people/", {"q": begun})
    return [one["name"] for one in answer.json()["people"]]


def test_people_are_found_by_user_name_and_by_each_part_of_their_name(
    client: Client, signed_in: SignedIn, ada: User, rita: User, incident: Incident
) -> None:
    page = signed_in(client, ada)
    last = rita.display_name.split(" ")[-1][:4].lower()
    assert offered(page, incident, "ri") == offered(page, incident, last) == ["rita"]
    assert offered(page, incident, "nobody") == []


def test_who_cannot_open_it_is_not_offered(
    client: Client, signed_in: SignedIn, ada: User, rita: User, mona: User, eve: User, incident: Incident
) -> None:
    page = signed_in(client, ada)
    assert set(offered(page, incident, "")) >= {"ada", "rita", "mona"}
    assert "eve" not in offered(page, incident, "")
    restrict_incident(incident, people=[ada, mona], reason="Insider", actor=ada.actor)
    assert set(offered(page, incident, "")) == {"ada", "mona"}


def test_at_most_eight_are_offered_and_no_service(
    client: Client, signed_in: SignedIn, ada: User, incident: Incident
) -> None:
    for number in range(12):
        person(f"zed{number:02}", "admin")
    User.objects.filter(username="zed00").update(kind="service")
    names = offered(signed_in(client, ada), incident, "zed")
    assert len(names) == 8
    assert "zed00" not in names


def test_an_outsider_finds_no_list_and_a_reader_may_not_ask(
    client: Client, signed_in: SignedIn, eve: User, incident: Incident
) -> None:
    assert signed_in(client, eve).get(f"/incidents/{incident.pk}/people/").status_code == 404


def test_the_dialog_knows_where_to_ask(client: Client, signed_in: SignedIn, ada: User, incident: Incident) -> None:
    shown = signed_in(client, ada).get(f"/incidents/{incident.pk}/comment/").content.decode()
    assert f'data-mentions="/incidents/{incident.pk}/people/"' in shown
