"""New passwords for many at once, and successors of tokens over the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from accounts.models import ApiToken, Role, User
from accounts.services.passwords import change_password, demand_new_passwords
from core import clock
from core.models import AuditEvent
from tests.conftest import SignedIn
from tests.factories.api import Caller, caller, token_of
from tests.factories.people import person

pytestmark = pytest.mark.django_db
PAGE = "/admin/users/new-passwords/"


def asked() -> set[str]:
    return set(User.objects.filter(must_change_password=True).values_list("username", flat=True))


def test_everybody_is_asked_at_once_and_the_count_is_told(
    client: Client, signed_in: SignedIn, adam: User, ada: User, rita: User
) -> None:
    other = signed_in(Client(), ada)
    page = signed_in(client, adam)
    answer: Any = page.post(PAGE, {"reason": "A list of passwords was found"})
    assert "New passwords asked of 3 people" in [str(one) for one in get_messages(answer.wsgi_request)]
    assert asked() == {"adam", "ada", "rita"}
    event = AuditEvent.objects.get(verb="passwords.demanded")
    assert (event.data["people"], event.reason) == (3, "A list of passwords was found")
    assert AuditEvent.objects.filter(verb="user.password_demanded").count() == 3
    assert other.get("/incidents/").headers["Location"].startswith("/accounts/login/")
    assert page.get("/incidents/").headers["Location"] == "/me/password/"


def test_a_role_alone_may_be_asked(adam: User, ada: User, rita: User) -> None:
    analysts = Role.objects.get(pk=ada.roles.get().pk)
    told = demand_new_passwords(analysts, actor=adam.actor, reason="Phished")
    assert (told.count, asked()) == (1, {"ada"})
    assert demand_new_passwords(analysts, actor=adam.actor, reason="Again").before == 1


def test_whoever_has_chosen_a_new_one_is_let_in_again(adam: User, ada: User) -> None:
    demand_new_passwords(None, actor=adam.actor, reason="All of them")
    ada.refresh_from_db()
    change_password(ada, new_password="another-long-one-7731", actor=ada.actor)
    assert "ada" not in asked()


def test_services_and_people_without_a_password_are_left_alone(adam: User, ada: User) -> None:
    ada.set_unusable_password()
    ada.save()
    service = person("feed", "analyst")
    User.objects.filter(pk=service.pk).update(kind="service")
    assert demand_new_passwords(None, actor=adam.actor, reason="All").count == 1
    assert asked() == {"adam"}


def test_it_asks_for_a_confirmation_first(client: Client, signed_in: SignedIn, adam: User, ada: User) -> None:
    page = signed_in(client, adam)
    session: Any = page.session
    session.pop("confirmed_at", None)
    session.save()
    page.post(PAGE, {"reason": "Now"})
    assert asked() == set()


def test_who_holds_more_is_told_and_not_asked(adam: User, ada: User) -> None:
    desk = person("desk", "reader")
    told = demand_new_passwords(None, actor=desk.actor, reason="I try")
    assert str(adam) in told.above
    assert "adam" not in asked()


def test_a_token_has_a_successor_over_the_api(ada: User) -> None:
    calling = caller(ada)
    old, _ = token_of(ada, permissions=["security_data.read"])
    made = calling.post(f"/tokens/{old.pk}/rotate", {"days": 30, "overlap_h": 1})
    assert made.status == 201
    assert Caller(made.body["secret"]).get("/me").status == 200
    assert made.body["permissions"] == ["security_data.read"]
    old.refresh_from_db()
    assert old.expires_at <= clock.real_now() + timedelta(hours=1)
    assert made.body["secret"] not in str(list(AuditEvent.objects.values_list("data", flat=True)))


def test_rotating_is_dangerous_and_for_ones_own_tokens(ada: User, rita: User, adam: User) -> None:
    hers, _ = token_of(rita)
    assert caller(ada).post(f"/tokens/{hers.pk}/rotate", {"days": 30}).status == 404
    refused = caller(rita, elevated=False).post(f"/tokens/{hers.pk}/rotate", {"days": 30})
    assert (refused.status, refused.code) == (403, "step_up_required")
    assert caller(adam).post(f"/tokens/{hers.pk}/rotate", {"days": 30}).status == 201
    assert caller(rita).post(f"/tokens/{hers.pk}/rotate", {"days": 30}, Idempotency_Key="k").status == 400
    assert ApiToken.objects.filter(replaces=hers).count() == 1
