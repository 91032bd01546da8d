"""Signing in through a real provider, over real HTTP, and everything that must not bring anybody in."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import Role, SignInProvider, User
from accounts.services import oidc, providers
from accounts.services.oidc import ProviderFailed
from core import clock
from core.models import AuditEvent
from tests.accounts import glewlwyd
from tests.accounts.provider_visits import BEGIN, CALLBACK, fetch_answer, is_in, refused
from tests.conftest import SignedIn
from tests.factories.people import PASSWORD, person


def test_the_browser_is_sent_with_a_challenge_a_state_and_a_nonce(client: Client, corp: SignInProvider) -> None:
    asked = parse_qs(urlsplit(client.get(BEGIN)["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    kept = client.session["provider_errand"]
    assert (asked["state"], asked["nonce"]) == ([kept["state"]], [kept["nonce"]])
    assert kept["verifier"] not in str(asked)


def test_a_wrong_nonce_brings_nobody_in(client: Client, corp: SignInProvider, over_there: glewlwyd.Provider) -> None:
    answer = fetch_answer(client, over_there)
    session = client.session
    session["provider_errand"] = {**session["provider_errand"], "nonce": "another"}
    session.save()
    assert "does not belong to this browser" in refused(client.get(CALLBACK, answer), client)


def test_a_wrong_state_brings_nobody_in(client: Client, corp: SignInProvider, over_there: glewlwyd.Provider) -> None:
    answer = fetch_answer(client, over_there)
    refused(client.get(CALLBACK, {**answer, "state": "another"}), client)
    # The errand is over with the first answer, so the right one comes too late.
    refused(client.get(CALLBACK, answer), client)


def test_a_browser_that_was_not_sent_brings_nobody_in(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider
) -> None:
    answer = fetch_answer(Client(), over_there)
    refused(client.get(CALLBACK, answer), client)


def test_a_code_counts_once(client: Client, corp: SignInProvider, over_there: glewlwyd.Provider) -> None:
    answer = fetch_answer(client, over_there)
    errand = client.session["provider_errand"]
    client.get(CALLBACK, answer)
    other = Client()
    other.get("/accounts/login/")
    session = other.session
    session["provider_errand"] = errand
    session.save()
    refused(other.get(CALLBACK, answer), other)


def test_a_wrong_verifier_brings_nobody_in(client: Client, corp: SignInProvider, over_there: glewlwyd.Provider) -> None:
    answer = fetch_answer(client, over_there)
    session = client.session
    session["provider_errand"] = {**session["provider_errand"], "verifier": "x" * 64}
    session.save()
    assert "The provider answered 4" in refused(client.get(CALLBACK, answer), client)


@pytest.fixture
def tokens(client: Client, corp: SignInProvider, over_there: glewlwyd.Provider) -> tuple[dict[str, Any], str]:
    """What the provider really issued, and the nonce of it."""
    answer = fetch_answer(client, over_there)
    kept = client.session["provider_errand"]
    body = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": oidc.redirect_uri(corp),
            "code_verifier": kept["verifier"], "client_id": corp.client_id}  # fmt: skip
    issued = httpx.post(f"{corp.issuer}/token", data=body, auth=(corp.client_id, corp.client_secret))
    return issued.json(), kept["nonce"]


def test_a_token_for_another_audience_is_refused(corp: SignInProvider, tokens: tuple[dict[str, Any], str]) -> None:
    issued, nonce = tokens
    about = oidc.discover(corp)
    assert oidc.check_id_token(corp, issued, about=about, nonce=nonce)["preferred_username"] == "ola"
    corp.client_id = "another-portal"
    with pytest.raises(ProviderFailed, match="for somebody else"):
        oidc.check_id_token(corp, issued, about=about, nonce=nonce)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_that_was_touched_is_refused(
    corp: SignInProvider, tokens: tuple[dict[str, Any], str], part: int
) -> None:
    issued, nonce = tokens
    parts = issued["id_token"].split(".")
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1 :]
    with pytest.raises(ProviderFailed):
        oidc.check_id_token(corp, {**issued, "id_token": ".".join(parts)}, about=oidc.discover(corp), nonce=nonce)


def test_an_access_token_of_somebody_else_is_refused(corp: SignInProvider, tokens: tuple[dict[str, Any], str]) -> None:
    issued, nonce = tokens
    with pytest.raises(ProviderFailed, match="access token"):
        oidc.check_id_token(corp, {**issued, "access_token": "another"}, about=oidc.discover(corp), nonce=nonce)


def test_a_token_that_has_ended_is_refused(
    corp: SignInProvider, tokens: tuple[dict[str, Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    issued, nonce = tokens
    monkeypatch.setattr(oidc, "LEEWAY_S", -7200)
    with pytest.raises(ProviderFailed, match="time is wrong"):
        oidc.check_id_token(corp, issued, about=oidc.discover(corp), nonce=nonce)


def test_the_password_stays_for_when_the_provider_is_away(client: Client, corp: SignInProvider, ada: User) -> None:
    SignInProvider.objects.update(issuer="http://127.0.0.1:9/api/oidc")
    assert "cannot be reached" in refused(client.get(BEGIN), client)
    page = client.get("/accounts/login/").text
    assert "Sign in with Corp" in page
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert is_in(client)


def test_a_provider_that_calls_itself_otherwise_is_refused(corp: SignInProvider) -> None:
    corp.issuer = corp.issuer.replace("127.0.0.1", "localhost")
    with pytest.raises(ProviderFailed, match="not as its configured issuer"):
        oidc.discover(corp)


def test_a_provider_is_not_asked_over_plain_http(corp: SignInProvider) -> None:
    corp.issuer = "http://login.example.org"
    with pytest.raises(ProviderFailed, match="https only"):
        oidc.discover(corp)


def test_a_provider_that_is_off_does_not_exist(client: Client, corp: SignInProvider) -> None:
    SignInProvider.objects.update(enabled=False)
    assert client.get(BEGIN).status_code == 404
    assert "Sign in with Corp" not in client.get("/accounts/login/").text


def test_the_secret_lies_encrypted_and_shows_nowhere(
    client: Client, corp: SignInProvider, adam: User, signed_in: SignedIn
) -> None:
    assert glewlwyd.SECRET not in SignInProvider.objects.get().secret
    signed_in(client, adam)
    for page in ("/admin/sign-in/", f"/admin/sign-in/{corp.pk}/"):
        assert glewlwyd.SECRET not in client.get(page).text
    assert glewlwyd.SECRET not in str(list(AuditEvent.objects.values_list("changes", "data")))


def test_only_who_holds_every_right_sets_up_a_provider(corp: SignInProvider, db: None) -> None:
    desk = person("desk", "reader")
    desk.roles.set([Role.objects.create(key="desk", name="Desk", permissions=["authorization.manage"])])
    with pytest.raises(ValidationError, match="rights that you do not hold"):
        providers.delete_provider(corp, actor=desk.actor)


def test_a_late_answer_is_refused(client: Client, corp: SignInProvider, over_there: glewlwyd.Provider) -> None:
    answer = fetch_answer(client, over_there)
    session = client.session
    session["provider_errand"] = {**session["provider_errand"], "since": clock.real_now().timestamp() - 700}
    session.save()
    assert "took too long" in refused(client.get(CALLBACK, answer), client)
