"""A clock that ran a day ahead and is right again: nobody is kept out or let in for as long as it was wrong."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.test import Client

from accounts.models import ApiToken, User
from accounts.services import passwords, sessions
from accounts.services.token_care import elevate_token
from accounts.tasks import put_times_right
from connectors.models import Connection
from connectors.services.watch import WARDEN, check_due
from core import clock
from remediation.models import ControlState
from remediation.services.drift import look_at_due
from tests.accounts.test_sign_in import sign_in_by_form
from tests.factories.api import token_of
from tests.factories.clocks import Moved, mover
from tests.factories.remediation import company, done

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    yield from mover(monkeypatch)


def test_a_session_that_began_in_a_wrong_tomorrow_ends_as_others_do(ahead: Moved, client: Client, ada: User) -> None:
    ahead(days=1)
    sign_in_by_form(client, "ada")
    client.get("/me/")
    ahead()
    client.get("/me/")
    now = clock.real_now().timestamp()
    assert client.session[sessions.BEGAN] <= now
    assert client.session[sessions.UNTIL] <= now + 2 * 3600


def test_a_token_elevated_in_a_wrong_tomorrow_is_not_elevated_until_then(ahead: Moved, ada: User) -> None:
    token, _ = token_of(ada)
    ahead(days=1)
    elevate_token(token, minutes=15, actor=ada.actor)
    assert ApiToken.objects.get(pk=token.pk).is_elevated
    ahead()
    assert not ApiToken.objects.get(pk=token.pk).is_elevated
    elevate_token(token, minutes=60, actor=ada.actor)
    assert ApiToken.objects.get(pk=token.pk).is_elevated


def test_wrong_passwords_of_a_wrong_tomorrow_lock_for_a_quarter_of_an_hour(client: Client, ada: User) -> None:
    for _ in range(5):
        sign_in_by_form(client, "ada", "wrong")
    AccessAttempt.objects.update(attempt_time=clock.real_now() + DAY)
    put_times_right()
    assert passwords.is_locked_out(ada)
    assert AccessAttempt.objects.get().attempt_time <= clock.real_now()
    AccessAttempt.objects.update(attempt_time=clock.real_now() - timedelta(minutes=16))
    put_times_right()
    assert sign_in_by_form(client, "ada") == 302


def test_what_was_looked_at_in_a_wrong_tomorrow_is_looked_at_today(ada: User, rita: User) -> None:
    place = company()
    done(ada, rita, "device.isolate", place.device())
    for model in (ControlState, Connection):
        model.objects.update(checked_at=clock.real_now() + DAY)
    assert look_at_due() == 1
    assert check_due(actor=WARDEN) == 1
    assert (look_at_due(), check_due(actor=WARDEN)) == (0, 0)
