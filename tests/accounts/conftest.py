"""A real provider of sign-ins, for the tests that need one."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import SignInProvider
from accounts.services import providers
from tests.accounts import glewlwyd
from tests.accounts.provider_visits import CALLBACK
from tests.factories.api import SETTER


@pytest.fixture(autouse=True)
def many_sign_ins(settings: Any) -> None:
    """All tests sign in from one address, more often in a minute than people do."""
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login": "6000/m/ip"}


@pytest.fixture(scope="session")
def over_there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[glewlwyd.Provider]:
    """The provider, which knows ola (an analyst there) and rob (in no group)."""
    if glewlwyd.find_glewlwyd() is None:
        reason = "no OpenID provider found: apt-get install glewlwyd sqlite3"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with glewlwyd.running_provider(tmp_path_factory.mktemp("provider")) as running:
        running.set_up("http://testserver" + CALLBACK)
        running.add_person("ola", name="Ola Nyström", groups=["soc-analysts", "everybody"])
        running.add_person("rob", name="Rob Hale", groups=["everybody"])
        yield running


@pytest.fixture
def corp(over_there: glewlwyd.Provider, db: None, settings: Any) -> SignInProvider:
    settings.PUBLIC_URL = "http://testserver"
    over_there.put_in_groups("ola", ["soc-analysts", "everybody"])
    changes = {
        "name": "Corp", "issuer": over_there.issuer, "client_id": glewlwyd.CLIENT, "scopes": "openid",
        "group_roles": {"soc-analysts": "analyst"}, "creates_people": True,
    }  # fmt: skip
    return providers.save_provider(SignInProvider(key="corp"), changes=changes, secret=glewlwyd.SECRET, actor=SETTER)
