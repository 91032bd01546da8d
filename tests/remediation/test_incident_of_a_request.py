"""An action asked for on the page of a device or account belongs to the incident that names it."""

import re

import pytest
from django.test import Client

from accounts.models import User
from incidents.enums import IncidentStatus
from incidents.models import Incident
from remediation.models import ActionRun
from remediation.services.carry_out import carry_out
from tests.conftest import SignedIn
from tests.factories.remediation import Company, approve, company, incident_naming
from tests.remediation.test_pages import text

pytestmark = pytest.mark.django_db
OPTION = re.compile(r'<option value="(\d*)"( selected)?>')


@pytest.fixture
def world(db: None) -> Company:
    return company()


def offered(client: Client, url: str) -> list[tuple[str, str]]:
    return OPTION.findall(text(client, url))


def test_the_gravest_open_incident_that_names_the_target_is_chosen_beforehand(
    client: Client, ada: User, signed_in: SignedIn, world: Company
) -> None:
    account = world.identity()
    lesser = incident_naming(account, priority_score=20)
    gravest = incident_naming(account, priority_score=98)
    incident_naming(account, priority_score=99, status=IncidentStatus.RESOLVED)
    incident_naming(world.identity(), priority_score=100)

    choices = offered(signed_in(client, ada), f"/actions/ask/identity/{account.pk}/identity.disable/")

    assert choices == [(str(gravest.pk), " selected"), (str(lesser.pk), ""), ("", "")]


def test_an_incident_that_the_person_may_not_see_is_not_offered(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    account = world.identity()
    secret = incident_naming(account)
    seen = incident_naming(account)
    secret.restricted = True
    secret.save()
    secret.restricted_to.add(rita)

    choices = offered(signed_in(client, ada), f"/actions/ask/identity/{account.pk}/identity.disable/")

    assert [pk for pk, _ in choices] == [str(seen.pk), ""]


def test_a_verified_disable_asked_for_on_the_page_of_the_account_contains_its_incident(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    account = world.identity()
    incident = incident_naming(account)
    url = f"/actions/ask/identity/{account.pk}/identity.disable/"

    signed_in(client, ada).post(url, {"reason": "Stolen", "incident": incident.pk})
    run = ActionRun.objects.get()
    assert f'href="/actions/{run.pk}/"' in text(client, f"/actions/of/incident/{incident.pk}/")
    carry_out(approve(rita, run))

    assert Incident.objects.get(pk=incident.pk).contained_at is not None


def test_a_person_may_say_that_it_belongs_to_no_incident(
    client: Client, ada: User, signed_in: SignedIn, world: Company
) -> None:
    account = world.identity()
    incident_naming(account)
    url = f"/actions/ask/identity/{account.pk}/identity.disable/"

    signed_in(client, ada).post(url, {"reason": "He left", "incident": ""})

    assert ActionRun.objects.get().incident is None


def test_a_request_made_in_an_incident_stays_there(
    client: Client, ada: User, signed_in: SignedIn, world: Company
) -> None:
    account = world.identity()
    here = incident_naming(account, priority_score=20)
    incident_naming(account, priority_score=98)
    url = f"/actions/ask/identity/{account.pk}/identity.disable/"

    dialog = text(signed_in(client, ada), f"{url}?incident={here.pk}")
    assert not OPTION.search(dialog)
    fields = dict(re.findall(r'<input type="hidden" name="(incident|fixed)" value="(\d+)">', dialog))
    client.post(url, {"reason": "Stolen", **fields})

    assert ActionRun.objects.get().incident == here
