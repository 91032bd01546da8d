"""Tokens while they live: successors, elevation, ends."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, User
from accounts.services import token_care, tokens
from core import clock, options
from core.models import AuditEvent
from tests.conftest import SignedIn
from tests.factories.api import SETTER, Caller, caller, token_of
from tests.factories.people import person

HTMX = {"HX-Request": "true"}
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def reads(secret: str) -> bool:
    return Caller(secret).get("/me").status == 200


def test_both_tokens_work_until_the_overlap_is_over(ada: User) -> None:
    old, old_secret = token_of(ada, permissions=["security_data.read"])
    new, secret = token_care.rotate_token(old, lifetime=30 * DAY, overlap=HOUR, actor=ada.actor)
    assert reads(old_secret)
    assert reads(secret)
    old.refresh_from_db()
    assert old.expires_at <= clock.real_now() + HOUR
    assert new.permissions == ["security_data.read"]
    ApiToken.objects.filter(pk=old.pk).update(expires_at=clock.real_now())
    assert not reads(old_secret)


def test_rotating_prolongs_no_former_token(ada: User) -> None:
    old, _ = token_of(ada)
    ends = old.expires_at
    token_care.rotate_token(old, lifetime=DAY, overlap=7 * DAY, actor=ada.actor)
    old.refresh_from_db()
    assert old.expires_at == ends


def test_the_longest_life_is_an_option(ada: User) -> None:
    options.put("tokens.max_days", 30, actor=SETTER)
    with pytest.raises(ValidationError, match="at most 30 days"):
        tokens.issue_token(ada, name="long", lifetime=31 * DAY, actor=ada.actor)
    assert token_care.lifetimes() == [1, 7, 30]


def test_a_token_is_elevated_for_minutes_by_a_person_only(ada: User) -> None:
    token, _ = token_of(ada)
    with pytest.raises(ValidationError, match="A person elevates"):
        token_care.elevate_token(token, minutes=5, actor=token.actor)
    token_care.elevate_token(token, minutes=5, actor=ada.actor)
    token.refresh_from_db()
    assert token.is_elevated
    assert token.elevated_until is not None
    assert token.elevated_until <= clock.real_now() + timedelta(minutes=5)


def test_nobody_elevates_a_token_of_somebody_else(client: Client, ada: User, rita: User, signed_in: SignedIn) -> None:
    token, _ = token_of(rita)
    for name in ("elevate_token", "rotate_token"):
        assert (
            signed_in(client, ada).post(reverse(f"accounts:{name}", args=[token.pk]), {"minutes": 5}).status_code == 404
        )


def test_an_administrator_of_people_elevates_nobody_above_them(adam: User, db: None) -> None:
    desk = person("desk", "reader")
    token, _ = token_of(adam)
    with pytest.raises(ValidationError, match="rights that you do not hold"):
        token_care.elevate_token(token, minutes=5, actor=desk.actor)


def test_the_page_rotates_and_shows_the_secret_once(client: Client, ada: User, signed_in: SignedIn) -> None:
    token, _ = token_of(ada)
    url = reverse("accounts:rotate_token", args=[token.pk])
    answer = signed_in(client, ada).post(url, {"lifetime": 30, "overlap": 24}, headers=HTMX)
    assert answer["Cache-Control"] == "no-store"
    assert "soc_" in answer.text
    assert ApiToken.objects.get(replaces=token).user == ada


def test_checked_tokens_end_together(client: Client, adam: User, ada: User, rita: User, signed_in: SignedIn) -> None:
    mine, secret = token_of(ada)
    other, other_secret = token_of(rita)
    body = {"id": [mine.pk, other.pk], "reason": "Clean-up"}
    assert signed_in(client, adam).post(reverse("accounts:revoke_tokens"), body, headers=HTMX).status_code == 204
    assert not reads(secret)
    assert not reads(other_secret)
    assert AuditEvent.objects.filter(verb="token.revoked", reason="Clean-up").count() == 2


def test_what_is_no_id_is_passed_over(client: Client, adam: User, signed_in: SignedIn) -> None:
    page = reverse("accounts:revoke_tokens")
    assert signed_in(client, adam).get(page, {"id": ["\u00b2", "x", "9" * 40, "-1"]}).status_code == 200


def test_unused_and_ending_tokens_are_marked(client: Client, adam: User, ada: User, signed_in: SignedIn) -> None:
    token, _ = token_of(ada)
    now = clock.real_now()
    ApiToken.objects.filter(pk=token.pk).update(created=now - 60 * DAY, expires_at=now + 60 * DAY)
    page = signed_in(client, adam).get(reverse("accounts:tokens")).text
    assert "Unused" in page
    ApiToken.objects.filter(pk=token.pk).update(expires_at=now + DAY)
    assert "Ends soon" in client.get(reverse("accounts:tokens")).text


def test_people_are_warned_once_before_a_token_ends(ada: User) -> None:
    token, _ = token_of(ada)
    now = clock.real_now()
    ApiToken.objects.filter(pk=token.pk).update(created=now - 60 * DAY, expires_at=now + 3 * DAY)
    assert token_care.warn_of_ends() == 1
    assert token_care.warn_of_ends() == 0


def test_the_api_lists_tokens_without_secrets_and_revokes_them(adam: User, ada: User) -> None:
    token, secret = token_of(ada)
    admin = caller(adam)
    row = admin.get(f"/tokens/{token.pk}").body
    assert (row["user"], row["prefix"]) == ("ada", secret[:12])
    assert token.digest not in str(row)
    assert admin.post(f"/tokens/{token.pk}/revoke", {"reason": "Leaked"}).body["revoked_at"] is not None
    assert not reads(secret)
    assert caller(ada).get("/tokens").status == 403
