"""A list costs as many queries with twenty rows as with one."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import DeviceGroup, User
from tests.factories.api import caller
from tests.factories.incidents import DeviceFactory, IdentityFactory, incident_about
from tests.factories.remediation import ask, company

pytestmark = pytest.mark.django_db

# Address -> queries. Three are of the token: itself with its user, the roles, and the note of its use.
MOST = {
    "/incidents": 5,
    "/alerts": 7,
    "/devices": 7,
    "/identities": 7,
    "/actions": 9,
    "/audit": 5,
    "/users": 7,
    "/roles": 5,
    "/device-groups": 5,
}


@pytest.fixture
def crowd(ada: User) -> None:
    place = company()
    for _ in range(20):  # fewer than the cap of an hour
        device = place.device()
        incident_about(device, IdentityFactory.create(), assigned_to=ada)
        ask(ada, "device.isolate", device)


@pytest.mark.parametrize(("path", "most"), MOST.items())
def test_a_list_has_its_queries_counted(
    adam: User, crowd: None, path: str, most: int, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    client = caller(adam)
    with django_assert_max_num_queries(most):
        assert client.get(path).status == 200


def test_a_limited_scope_costs_a_few_more(
    eve: User, elsewhere: DeviceGroup, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for _ in range(20):
        incident_about(DeviceFactory.create(device_group=elsewhere), IdentityFactory.create())
    client = caller(eve)
    with django_assert_max_num_queries(14):
        assert len(client.get("/alerts").ids) == 20


def test_reading_the_head_of_a_list(ada: User) -> None:
    assert caller(ada).call("HEAD", "/incidents").status == 200
