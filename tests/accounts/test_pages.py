"""The pages of the administration open for those who may, and say what they show."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.conftest import SignedIn

ADMINISTRATION = [
    "people",
    "new_person",
    "people_csv",
    "roles",
    "new_role",
    "groups",
    "new_group",
    "tokens",
    "new_token",
    "options",
]
LOG = ["audit", "audit_csv", "audit_chain"]


@pytest.mark.parametrize("name", [*ADMINISTRATION, *LOG, "me", "password", "new_own_token"])
def test_an_administrator_opens_every_page(client: Client, adam: User, signed_in: SignedIn, name: str) -> None:
    assert signed_in(client, adam).get(reverse(f"accounts:{name}")).status_code == 200
