"""Who is let in: bearer tokens, and the browser's session with its CSRF token."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from accounts.services.tokens import revoke_token
from core import clock
from tests.factories.api import Caller, caller, token_of
from tests.factories.incidents import IncidentFactory
from tests.factories.people import sign_in

pytestmark = pytest.mark.django_db


def test_nobody_is_told_to_sign_in() -> None:
    answer = caller().get("/incidents")
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("secret", ["soc_wrong", "", "soc_" + "x" * 500, "sök"])
def test_a_wrong_token_is_refused(secret: str) -> None:
    client = Caller()
    client.headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/me").status == 401


def test_a_revoked_token_is_refused(ada: User) -> None:
    token, secret = token_of(ada)
    assert Caller(secret).get("/me").status == 200
    revoke_token(token, actor=ada.actor)
    assert Caller(secret).get("/me").status == 401


def test_an_expired_token_is_refused(ada: User) -> None:
    _, secret = token_of(ada)
    with time_machine.travel(clock.real_now() + timedelta(days=2)):
        assert Caller(secret).get("/me").status == 401


def test_the_token_of_somebody_switched_off_is_refused(ada: User) -> None:
    _, secret = token_of(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert Caller(secret).get("/me").status == 401


def test_a_token_narrows_what_its_person_may_do(ada: User) -> None:
    incident = IncidentFactory.create()
    _, secret = token_of(ada, permissions=["security_data.read"])
    assert Caller(secret).get(f"/incidents/{incident.pk}").status == 200
    answer = Caller(secret).patch(f"/incidents/{incident.pk}", {"display_name": "Mine"})
    assert (answer.status, answer.code) == (403, "forbidden")
    assert "alerts.manage" in answer.body["error"]["message"]


def test_me_says_what_the_token_leaves(rita: User) -> None:
    _, secret = token_of(rita)
    me = Caller(secret).get("/me").body
    assert me["username"] == "rita"
    assert "response.request" in me["permissions"]
    assert "response.manage" not in me["permissions"]
    assert me["token"]["may_decide"] is False


def test_a_session_reads_without_and_writes_only_with_the_csrf_token(ada: User) -> None:
    incident = IncidentFactory.create()
    browser = sign_in(Client(enforce_csrf_checks=True), ada)
    session = Caller(client=browser)
    assert session.get("/me").body["token"] is None
    answer = session.patch(f"/incidents/{incident.pk}", {"display_name": "Forged"})
    assert (answer.status, answer.code) == (403, "forbidden")
    incident.refresh_from_db()
    assert incident.display_name != "Forged"


def test_a_session_writes_with_the_csrf_token(ada: User) -> None:
    incident = IncidentFactory.create()
    browser = sign_in(Client(enforce_csrf_checks=True), ada)
    page = browser.get("/me/")
    csrf = page.context["csrf_token"]
    answer = Caller(client=browser).patch(f"/incidents/{incident.pk}", {"display_name": "Ours"}, X_CSRFToken=str(csrf))
    assert (answer.status, answer.body["display_name"]) == (200, "Ours")


def test_a_one_time_password_opens_nothing(ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(must_change_password=True)
    assert Caller(client=sign_in(Client(), ada)).get("/me").status == 401
