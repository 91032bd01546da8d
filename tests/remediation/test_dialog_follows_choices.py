"""What the dialog of an action says belongs to what is chosen in it, also after the choice was changed."""

import re

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import SignedIn
from tests.factories.remediation import company

pytestmark = pytest.mark.django_db
FULL, SELECTIVE = "Every connection is cut", "that the isolation exclusions allow stay open"


def consequence(page: str) -> str:
    """What stands before the fields."""
    return page.partition('id="consequence"')[2].partition('hx-select="#consequence"')[0]


def test_what_is_chosen_decides_what_is_said(client: Client, signed_in: SignedIn, ada: User) -> None:
    url = f"/actions/ask/device/{company().device().pk}/device.isolate/"
    first = signed_in(client, ada).get(url).content.decode()
    assert FULL in consequence(first)
    assert SELECTIVE not in consequence(first)
    then = client.get(url, {"isolation_type": "selective"}, headers={"HX-Request": "true"}).content.decode()
    assert SELECTIVE in consequence(then)
    assert FULL not in consequence(then)


def test_a_changed_choice_asks_anew_and_tells_no_reason(client: Client, signed_in: SignedIn, ada: User) -> None:
    url = f"/actions/ask/device/{company().device().pk}/device.isolate/"
    page = signed_in(client, ada).get(url).content.decode()
    (asks,) = re.findall(r'<div[^>]*hx-select="#consequence"[^>]*>', page)
    assert f'hx-get="{url}"' in asks
    assert 'hx-params="not csrfmiddlewaretoken,reason"' in asks


def test_a_dialog_without_choices_asks_for_nothing(client: Client, signed_in: SignedIn, ada: User) -> None:
    page = signed_in(client, ada).get(f"/actions/ask/device/{company().device().pk}/device.collect_package/")
    assert page.status_code == 200
    assert "hx-select" not in page.content.decode()
