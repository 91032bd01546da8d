"""People hear of what changed about how they sign in, and nobody else does."""

import pytest

from accounts.models import User
from accounts.services import factors, passwords
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
