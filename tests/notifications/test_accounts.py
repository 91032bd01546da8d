"""People hear of what changed about how they sign in, and nobody else does."""

from datetime import timedelta

import pytest

from accounts.models import SignInProvider, User
from accounts.services import factors, passwords, people, token_care, vouching
from accounts.services.tokens import issue_token
from core import outbox
from notifications.models import Message
from tests.accounts.test_people_sign_in import with_app

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, list[int] | None]]:
    outbox.deliver()
    return list(Message.objects.filter(topic="account.security").order_by("id").values_list("title", "people"))


def test_a_new_factor_is_told_to_its_person(ada: User) -> None:
    with_app(ada)
    assert told() == [("A second factor was added to your account", [ada.pk])]


def test_what_an_administrator_did_names_them(ada: User, adam: User) -> None:
    with_app(ada)
    factors.reset_factors(ada, actor=adam.actor, reason="Lost")
    passwords.reset_password(ada, actor=adam.actor)
    assert [title for title, _ in told()][1:] == [
        "An administrator reset your second factors",
        "An administrator drew a new password for you",
    ]
    assert "Adam Novak" in Message.objects.latest("id").body


def test_what_would_let_somebody_else_in_is_told(ada: User, adam: User) -> None:
    token, _ = issue_token(ada, name="script", lifetime=timedelta(days=1), actor=ada.actor)
    own, _ = token_care.rotate_token(token, lifetime=timedelta(days=1), overlap=timedelta(0), actor=ada.actor)
    token_care.rotate_token(own, lifetime=timedelta(days=1), overlap=timedelta(hours=1), actor=adam.actor)
    token_care.elevate_token(own, minutes=5, actor=adam.actor)
    people.update_user(ada, changes={"email": "elsewhere@example.org", "display_name": "Ada"}, actor=adam.actor)
    people.update_user(ada, changes={"display_name": "Ada L"}, actor=adam.actor)
    corp = SignInProvider.objects.create(key="corp", name="Corp", issuer="https://login.example.org", client_id="x")
    vouching.link(ada, provider=corp, subject="1", actor=ada.actor)
    assert told() == [
        ("Somebody else made an API token of yours anew", [ada.pk]),
        ("Somebody else let an API token of yours do dangerous acts for a while", [ada.pk]),
        ("The mail address of your account was changed", [ada.pk]),
        ("A provider may vouch for you now", [ada.pk]),
    ]
