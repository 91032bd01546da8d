"""Who confirms that an account is kept out of devices sees under which name they know it."""

import pytest

from accounts.models import User
from remediation.services.preview import preview_action
from tests.factories.remediation import DeviceFactory, IdentityFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("fields", "name"), [
    ({"account_name": "CORP\\ann", "upn": "ann.arkwright@corp.example"}, "ann"),
    ({"account_name": "", "upn": "ann.arkwright@corp.example"}, "ann.arkwright"),
])  # fmt: skip
def test_the_dialog_names_the_account_as_hosts_do(ada: User, fields: dict[str, str], name: str) -> None:
    told = preview_action("identity.contain", IdentityFactory.create(**fields), {}, ada).effects
    assert f"On devices it is called “{name}”." in told


def test_other_actions_say_nothing_of_it(ada: User) -> None:
    told = preview_action("device.contain", DeviceFactory.create(), {}, ada).effects
    assert not [one for one in told if "it is called" in one]
