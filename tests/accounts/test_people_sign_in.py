"""What an administrator may do about how others sign in, and what ends their sessions."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from accounts.services import factors, people, sessions
from core import clock, options
from core.models import AuditEvent
from tests.accounts.test_second_factor import code_of
from tests.conftest import SignedIn
from tests.factories.api import SETTER
from tests.factories.people import PASSWORD, person

HTMX = {"HX-Request": "true"}


@pytest.fixture
def admin(client: Client, adam: User, signed_in: SignedIn) -> Client:
    return signed_in(client, adam)


@pytest.fixture
def ada_in(ada: User, signed_in: SignedIn) -> Client:
    """Ada at a browser of her own."""
    return signed_in(Client(), ada)


def is_in(client: Client) -> bool:
    return client.get("/me/").status_code == 200


def with_app(user: User) -> None:
    secret = factors.new_secret()
    factors.set_up_app(user, secret=secret, code=code_of(secret), actor=user.actor)


def test_an_administrator_resets_factors_and_the_sessions_end(admin: Client, ada: User, ada_in: Client) -> None:
    with_app(ada)
    answer = admin.post(reverse("accounts:reset_factors", args=[ada.pk]), {"reason": "Lost phone"}, headers=HTMX)
    assert answer.status_code == 204
    assert not Authenticator.objects.filter(user=ada).exists()
    assert not is_in(ada_in)
    assert AuditEvent.objects.get(verb="user.factors_reset").reason == "Lost phone"


def test_after_a_reset_there_are_no_days_of_grace(admin: Client, ada: User) -> None:
    Role.objects.filter(key="analyst").update(needs_second_factor=True, grace_days=7)
    with_app(ada)
    admin.post(reverse("accounts:reset_factors", args=[ada.pk]), {"reason": "Lost phone"}, headers=HTMX)
    again = Client()
    again.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert again.get("/incidents/")["Location"] == reverse("accounts:factors")


def test_nobody_resets_factors_of_somebody_with_more_rights(adam: User, db: None) -> None:
    lesser = Role.objects.create(key="desk", name="Desk", permissions=["authorization.manage"])
    desk = person("desk", "reader")
    desk.roles.set([lesser])
    with_app(adam)
    with pytest.raises(ValidationError, match="rights that you do not hold"):
        factors.reset_factors(adam, actor=desk.actor)


def test_the_list_shows_who_has_a_factor_and_finds_who_has_none(admin: Client, ada: User, rita: User) -> None:
    with_app(ada)
    Role.objects.filter(key="responder").update(needs_second_factor=True)
    page = admin.get(reverse("accounts:people")).text
    assert "App, 10 recovery codes" in page
    assert "Missing" in page
    without = admin.get(reverse("accounts:people"), {"factor": "none"}).text
    assert "Rita Moreno" in without
    assert "Ada Lindqvist" not in without


def test_a_role_is_told_to_need_a_factor_even_a_built_in_one(admin: Client, ada: User) -> None:
    role = Role.objects.get(key="analyst")
    url = reverse("accounts:demand_factor", args=[role.pk])
    assert "Ada Lindqvist" in admin.get(url).text
    assert admin.post(url, {"needed": "on", "grace_days": 2, "reason": "Policy"}, headers=HTMX).status_code == 204
    role.refresh_from_db()
    assert (role.needs_second_factor, role.grace_days) == (True, 2)
    assert AuditEvent.objects.get(verb="role.second_factor").changes["grace_days"] == [7, 2]


def test_an_open_session_notices_within_a_minute(ada_in: Client, ada: User) -> None:
    Role.objects.filter(key="analyst").update(needs_second_factor=True, grace_days=0)
    session = ada_in.session
    session[sessions.SEEN] -= 61
    session.save()
    assert ada_in.get("/incidents/")["Location"] == reverse("accounts:factors")


def test_an_administrator_ends_the_sessions_of_another(admin: Client, ada: User, ada_in: Client) -> None:
    url = reverse("accounts:person_sessions", args=[ada.pk])
    assert "0.0.0.0" in admin.get(url).text or "127.0.0.1" in admin.get(url).text
    admin.post(url, {"reason": "Laptop stolen"}, headers=HTMX)
    assert not is_in(ada_in)
    assert is_in(admin)


@pytest.mark.parametrize("change", ["roles", "off", "demand"])
def test_what_changes_a_person_ends_their_sessions(
    admin: Client, adam: User, ada: User, ada_in: Client, change: str
) -> None:
    assert is_in(ada_in)
    if change == "roles":
        people.set_roles(ada, roles=[Role.objects.get(key="reader")], actor=adam.actor)
    elif change == "off":
        people.deactivate_user(ada, actor=adam.actor)
        people.reactivate_user(ada, actor=adam.actor)
    else:
        admin.post(reverse("accounts:demand_password", args=[ada.pk]), {"reason": "Yearly"}, headers=HTMX)
    assert not is_in(ada_in)


def test_a_demanded_password_is_chosen_at_the_next_sign_in(admin: Client, ada: User) -> None:
    admin.post(reverse("accounts:demand_password", args=[ada.pk]), {"reason": "Yearly"}, headers=HTMX)
    again = Client()
    again.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert again.get("/incidents/")["Location"] == reverse("accounts:password")


def test_an_old_password_must_be_changed(client: Client, ada: User) -> None:
    options.put("sign_in.password_days", 90, actor=SETTER)
    User.objects.filter(pk=ada.pk).update(password_changed=clock.real_now().replace(year=2020))
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert client.get("/incidents/")["Location"] == reverse("accounts:password")


def test_a_session_without_a_click_ends(ada_in: Client) -> None:
    session = ada_in.session
    assert session[sessions.UNTIL] - session[sessions.SEEN] == 120 * 60
    session[sessions.UNTIL] = session[sessions.SEEN] - 1
    session.save()
    assert ada_in.get("/api/v1/me").status_code == 401
    assert not is_in(ada_in)


def test_what_a_page_fetches_by_itself_keeps_nobody_signed_in(ada_in: Client) -> None:
    session = ada_in.session
    session[sessions.SEEN] -= 61
    session.save()
    ada_in.get("/me/", headers={"X-Unattended": "1"})
    assert ada_in.session[sessions.SEEN] == session[sessions.SEEN]
    ada_in.get("/me/")
    assert ada_in.session[sessions.SEEN] > session[sessions.SEEN]


def test_a_busy_session_ends_at_its_longest(ada_in: Client) -> None:
    session = ada_in.session
    session[sessions.BEGAN] -= 12 * 3600 - 30
    session[sessions.SEEN] -= 61
    session.save()
    assert is_in(ada_in)
    assert ada_in.session[sessions.UNTIL] == session[sessions.BEGAN] + 12 * 3600


def test_one_ends_ones_other_sessions_and_stays(client: Client, ada: User, ada_in: Client, signed_in: SignedIn) -> None:
    signed_in(client, ada)
    client.post(reverse("accounts:end_other_sessions"))
    assert is_in(client)
    assert not is_in(ada_in)


def test_one_ends_no_session_of_somebody_else(admin: Client, ada: User, ada_in: Client) -> None:
    theirs = sessions.sessions_of(ada)[0]
    assert admin.post(reverse("accounts:end_own_session", args=[theirs.pk])).status_code == 404
    assert is_in(ada_in)


def test_signing_out_takes_the_session_off_the_list(ada_in: Client, ada: User) -> None:
    ada_in.post("/accounts/logout/")
    assert sessions.sessions_of(ada) == []
