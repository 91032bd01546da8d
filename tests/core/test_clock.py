"""Times as the database understands them, whatever zone somebody writes."""

from datetime import datetime

import pytest
from django.test import Client

from accounts.models import User
from core import clock
from tests.conftest import SignedIn

ODD_ZONE = "2020-01-01T00:00:00+05:30:15.123456"
BEYOND = "0001-01-01T00:00:00+14:00"


def test_a_moment_that_utc_has_no_year_for_is_none() -> None:
    assert clock.as_utc(datetime.fromisoformat(BEYOND)) is None


@pytest.mark.parametrize("when", [ODD_ZONE, BEYOND])
@pytest.mark.parametrize(
    ("address", "name"), [("/incidents/", "from"), ("/incidents/", "to"), ("/admin/audit/", "since"),
                          ("/admin/audit/", "until"), ("/admin/audit/export/", "since")]
)  # fmt: skip
def test_a_list_takes_any_zone(
    client: Client, adam: User, signed_in: SignedIn, address: str, name: str, when: str
) -> None:
    assert signed_in(client, adam).get(address, {name: when}).status_code == 200


@pytest.mark.parametrize(
    "after", [f"{ODD_ZONE}~1", f"{BEYOND}~1", "2020-01-01T00:00:00Z~²", "2020-01-01T00:00:00Z~" + "9" * 5000]
)
def test_a_cursor_of_the_reviews_that_somebody_made_up_is_harmless(
    client: Client, adam: User, signed_in: SignedIn, after: str
) -> None:
    assert signed_in(client, adam).get("/reviews/", {"after": after}).status_code == 200
