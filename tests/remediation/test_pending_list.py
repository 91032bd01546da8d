"""What waits in the Action center: the gravest first, and counted for who may decide."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import DeviceGroup, User
from soc_portal.navigation import count_for, navigation
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory, person
from tests.factories.remediation import Company, ask, company, incident_naming
from tests.remediation.test_pages import text

pytestmark = pytest.mark.django_db
CARD = re.compile(r'<li class="approval[^"]*" id="approval-(\d+)"')


@pytest.fixture
def world(db: None) -> Company:
    return company()


def badge(user: User) -> int:
    items = [item for group in navigation(user, "/") for item in group["items"]]
    return int(next(item["count"] for item in items if item["label"] == "Action center"))


def test_the_request_of_the_gravest_incident_stands_first_and_names_it(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company
) -> None:
    devices = [world.device() for _ in range(4)]
    alone = ask(ada, "device.isolate", devices[0])
    lesser = ask(ada, "device.isolate", devices[1], incident=incident_naming(devices[1], priority_score=20))
    gravest = incident_naming(devices[2], devices[3], priority_score=98)
    older = ask(ada, "device.isolate", devices[2], incident=gravest)
    newer = ask(ada, "device.isolate", devices[3], incident=gravest)

    page = text(signed_in(client, rita), "/actions/")

    assert [int(pk) for pk in CARD.findall(page)] == [older.pk, newer.pk, lesser.pk, alone.pk]
    assert f"{gravest.display_name}</bdi>" in page
    assert "priority 98" in page
    assert next(iter(CARD.findall(text(client, "/actions/?sort=expiry")))) == str(alone.pk)


def test_the_names_of_incidents_cost_the_same_however_many_requests_wait(
    client: Client, ada: User, rita: User, signed_in: SignedIn, world: Company,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    for _ in range(6):
        device = world.device()
        ask(ada, "device.isolate", device, incident=incident_naming(device))
    signed_in(client, rita)

    with django_assert_max_num_queries(21):
        client.get("/actions/")


def test_the_rail_counts_what_a_person_may_decide_now(ada: User, rita: User, world: Company) -> None:
    ask(ada, "device.isolate", world.device())
    ask(rita, "device.isolate", world.device())
    other = person("omar", "responder")

    assert badge(ada) == 0
    assert badge(rita) == 1
    assert badge(other) == 2


def test_the_rail_leaves_out_what_reaches_beyond_the_groups_of_a_person(ada: User, world: Company) -> None:
    here: DeviceGroup = DeviceGroupFactory.create()
    omar = person("omar", "responder", groups=[here])
    ask(ada, "device.isolate", world.device(group=here))
    beyond = ask(ada, "device.isolate", world.device(group=here))
    beyond.device_group_ids = [here.pk, DeviceGroupFactory.create().pk]
    beyond.save()

    assert count_for(omar).decisions_for_me == 1


def test_an_own_request_says_that_it_waits_for_somebody_else(
    client: Client, rita: User, signed_in: SignedIn, world: Company
) -> None:
    run = ask(rita, "device.isolate", world.device())

    page = text(signed_in(client, rita), "/actions/")

    assert "waits for somebody else to decide" in page
    assert f"/actions/{run.pk}/approve/" not in page
