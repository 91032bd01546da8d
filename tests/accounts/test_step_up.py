"""Before a dangerous act whoever does it proves once more who they are."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts import step_up
from accounts.models import User
from core import options
from tests.conftest import SignedIn
from tests.factories.api import SETTER, caller
from tests.factories.people import PASSWORD

HTMX = {"HX-Request": "true", "HX-Target": "dialog"}


@pytest.fixture
def stale(client: Client, adam: User, signed_in: SignedIn) -> Client:
    """Adam signed in long ago."""
    signed_in(client, adam)
    session = client.session
    session[step_up.SESSION_KEY] -= 16 * 60
    session.save()
    return client


def reset_url(person: User) -> str:
    return reverse("accounts:reset_password", args=[person.pk])


def test_a_fresh_sign_in_counts_as_a_confirmation(client: Client, adam: User, ada: User, signed_in: SignedIn) -> None:
    assert signed_in(client, adam).get(reset_url(ada)).status_code == 200


def test_the_dialog_asks_first_and_then_leads_to_the_act(stale: Client, ada: User) -> None:
    asked = stale.get(reset_url(ada), headers=HTMX)
    assert "Confirm that it is you" in asked.text
    assert asked["HX-Retarget"] == "#dialog"
    confirmed = stale.post(reverse("accounts:confirm"), {"password": PASSWORD, "next": reset_url(ada)}, headers=HTMX)
    assert confirmed["Location"] == reset_url(ada)
    assert "one-time password" in stale.get(reset_url(ada), headers=HTMX).text


def test_a_form_that_is_sent_without_a_confirmation_changes_nothing(stale: Client, ada: User) -> None:
    before = User.objects.get(pk=ada.pk).password
    answer = stale.post(reset_url(ada), {"reason": "Lost"})
    assert answer["Location"].startswith(reverse("accounts:confirm"))
    assert User.objects.get(pk=ada.pk).password == before


def test_a_wrong_password_confirms_nothing(stale: Client, ada: User) -> None:
    assert stale.post(reverse("accounts:confirm"), {"password": "guess"}).status_code == 422
    assert stale.get(reset_url(ada)).status_code == 302


def test_it_leads_to_no_other_site(stale: Client) -> None:
    answer = stale.post(reverse("accounts:confirm"), {"password": PASSWORD, "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_an_act_can_be_let_go_without_asking(stale: Client, ada: User) -> None:
    options.put("confirm.sign_in_reset", False, actor=SETTER)
    assert stale.get(reset_url(ada)).status_code == 200


def test_a_token_needs_to_be_elevated(adam: User, ada: User) -> None:
    change = {"roles": ["reader"]}
    answer = caller(adam, elevated=False).patch(f"/users/{ada.pk}", change)
    assert (answer.status, answer.code) == (403, "step_up_required")
    assert caller(adam).patch(f"/users/{ada.pk}", change).status == 200


def test_every_act_of_the_catalogue_has_an_option_of_its_own(db: None) -> None:
    declared = {option.key for option in options.declared()}
    assert {act.option for act in step_up.acts()} <= declared
