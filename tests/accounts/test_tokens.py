"""Bearer tokens: hashed, narrowed, ending, and counting as their person."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts import keys
from accounts.models import ApiToken, User
from accounts.services.passwords import reset_password
from accounts.services.people import deactivate_user
from accounts.services.tokens import find_token, issue_token, revoke_token
from core import clock
from core.actors import Actor, ActorKind
from core.models import AuditEvent

DAY = timedelta(days=1)


def issue(user: User, **more: Any) -> tuple[ApiToken, str]:
    return issue_token(user, name="script", lifetime=DAY, actor=user.actor, **more)


def test_only_the_hash_of_a_secret_is_kept(ada: User) -> None:
    token, secret = issue(ada)
    row = ApiToken.objects.filter(pk=token.pk).values().get()
    assert row["digest"] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(row)
    assert secret not in str(list(AuditEvent.objects.values()))


def test_a_token_opens_and_notes_when_it_was_used(ada: User) -> None:
    token, secret = issue(ada)
    assert find_token(secret) == token
    token.refresh_from_db()
    assert token.last_used_at is not None


@pytest.mark.parametrize("secret", ["", "soc_", "soc_" + "x" * 43, "soc_" + "x" * 5000, "Basic abc", "soc_\x00"])
def test_anything_else_opens_nothing(ada: User, secret: str) -> None:
    issue(ada)
    assert find_token(secret) is None


def test_an_ended_a_revoked_and_an_ownerless_token_open_nothing(ada: User, rita: User, adam: User) -> None:
    ended, ended_secret = issue(ada)
    ApiToken.objects.filter(pk=ended.pk).update(expires_at=clock.real_now() - DAY)
    revoked, revoked_secret = issue(ada)
    revoke_token(revoked, actor=ada.actor)
    _, owners_secret = issue(rita)
    deactivate_user(rita, actor=adam.actor)
    assert [find_token(secret) for secret in (ended_secret, revoked_secret, owners_secret)] == [None, None, None]


def test_without_the_word_a_token_of_a_responder_may_not_decide(rita: User) -> None:
    plain, _ = issue(rita)
    deciding, _ = issue(rita, may_decide=True)
    assert keys.DECIDE_RESPONSE not in plain.keys_within(rita.permission_keys)
    assert keys.DECIDE_RESPONSE in deciding.keys_within(rita.permission_keys)


def test_a_narrowed_token_grants_no_more_than_it_says(rita: User) -> None:
    token, _ = issue(rita, permissions=[keys.READ])
    assert token.keys_within(rita.permission_keys) == {keys.READ}


def test_a_token_cannot_be_widened_beyond_its_user(ada: User) -> None:
    with pytest.raises(ValidationError, match="does not hold"):
        issue(ada, permissions=[keys.MANAGE_AUTHORIZATION])


def test_a_lost_right_is_lost_to_the_token_as_well(ada: User) -> None:
    token, _ = issue(ada, permissions=[keys.READ, keys.MANAGE_ALERTS])
    assert token.keys_within(frozenset({keys.READ})) == {keys.READ}


def test_nobody_makes_a_token_of_somebody_who_holds_more(ada: User, adam: User) -> None:
    with pytest.raises(ValidationError):
        issue_token(adam, name="script", lifetime=DAY, actor=ada.actor)


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(days=-1), timedelta(days=400)])
def test_a_token_lives_for_a_year_at_most(ada: User, lifetime: timedelta) -> None:
    with pytest.raises(ValidationError, match="366 days"):
        issue_token(ada, name="script", lifetime=lifetime, actor=ada.actor)


def test_what_a_token_does_counts_as_its_person(ada: User) -> None:
    token, _ = issue(ada)
    assert token.actor == Actor(ActorKind.TOKEN, str(token.pk), "Ada Lindqvist (token script)", ada.pk)


def test_the_api_knows_the_token_and_says_nothing_about_a_wrong_one(client: Client, ada: User) -> None:
    _, secret = issue(ada)
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    wrong = client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret[:-1]}"})
    assert wrong.status_code == 401
    assert wrong["WWW-Authenticate"] == "Bearer"
    assert client.get("/api/v1/me", headers={"Authorization": "Basic YTpi"}).status_code == 401


def test_a_reset_password_ends_the_tokens_too(ada: User, adam: User) -> None:
    _token, secret = issue_token(ada, name="left behind", lifetime=timedelta(days=1), actor=ada.actor)
    reset_password(ada, actor=adam.actor, reason="Her laptop was stolen")
    assert find_token(secret) is None
    assert AuditEvent.objects.filter(verb="token.revoked", actor_id=str(adam.pk)).exists()
