"""Signing in through a real provider, over real HTTP, and everything that must not bring anybody in."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.enums import ScopeKind
from accounts.models import LinkedIdentity, Role, SignInProvider, User
from accounts.services import oidc, people, providers, vouching
from accounts.services.oidc import ProviderFailed
from core import clock
from core.models import AuditEvent
from tests.accounts import glewlwyd
from tests.accounts.test_people_sign_in import with_app
from tests.conftest import SignedIn
from tests.factories.api import SETTER
from tests.factories.people import PASSWORD, person

BEGIN, CALLBACK = "/accounts/provider/corp/", "/accounts/provider/corp/callback/"


@pytest.fixture(scope="session")
def over_there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[glewlwyd.Provider]:
    """The provider, which knows ola (an analyst there) and rob (in no group)."""
    if glewlwyd.find_glewlwyd() is None:
        reason = "no OpenID provider found: apt-get install glewlwyd sqlite3"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with glewlwyd.running_provider(tmp_path_factory.mktemp("provider")) as running:
        running.set_up("http://testserver" + CALLBACK)
        running.add_person("ola", name="Ola Nyström", groups=["soc-analysts", "everybody"])
        running.add_person("rob", name="Rob Hale", groups=["everybody"])
        yield running


@pytest.fixture
def corp(over_there: glewlwyd.Provider, db: None, settings: Any) -> SignInProvider:
    settings.PUBLIC_URL = "http://testserver"
    over_there.put_in_groups("ola", ["soc-analysts", "everybody"])
    changes = {
        "name": "Corp", "issuer": over_there.issuer, "client_id": glewlwyd.CLIENT, "scopes": "openid",
        "group_roles": {"soc-analysts": "analyst"}, "creates_people": True,
    }  # fmt: skip
    return providers.save_provider(SignInProvider(key="corp"), changes=changes, secret=glewlwyd.SECRET, actor=SETTER)


def fetch_answer(client: Client, over_there: glewlwyd.Provider, name: str = "ola", *, ask: str = "") -> dict[str, str]:
    """Press the button, agree over there; answers what the browser brings back."""
    sent = client.get(BEGIN + ask)
    assert sent.status_code == 302, sent.text
    return over_there.agree(name, sent["Location"])


def sign_in(client: Client, over_there: glewlwyd.Provider, name: str = "ola") -> Any:
    return client.get(CALLBACK, fetch_answer(client, over_there, name))


def is_in(client: Client) -> bool:
    return client.get("/me/").status_code == 200


def test_somebody_new_is_made_with_the_role_of_their_group(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider
) -> None:
    assert sign_in(client, over_there).status_code == 302
    ola = User.objects.get(username="ola")
    assert (str(ola), ola.role_names, ola.email) == ("Ola Nyström", "Analyst", "ola@example.org")
    assert ola.scope_kind == ScopeKind.SELECTED
    assert not ola.has_usable_password()
    assert is_in(client)
    assert AuditEvent.objects.filter(verb="user.provider_linked", subject=f"user:{ola.pk}").exists()


def test_the_browser_is_sent_with_a_challenge_a_state_and_a_nonce(client: Client, corp: SignInProvider) -> None:
    asked = parse_qs(urlsplit(client.get(BEGIN)["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    kept = client.session["provider_errand"]
    assert (asked["state"], asked["nonce"]) == ([kept["state"]], [kept["nonce"]])
    assert kept["verifier"] not in str(asked)


def test_the_second_time_it_is_the_same_person(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider
) -> None:
    sign_in(client, over_there)
    User.objects.filter(username="ola").update(username="ola.nystrom", email="")
    again = Client()
    sign_in(again, over_there)
    assert again.get("/me/").context["person"].username == "ola.nystrom"
    assert LinkedIdentity.objects.count() == 1


def refused(answer: Any, client: Client) -> str:
    assert answer.status_code == 403
    assert not is_in(client)
    return str(answer.text)


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


def test_an_unknown_person_is_not_let_in(client: Client, corp: SignInProvider, over_there: glewlwyd.Provider) -> None:
    SignInProvider.objects.update(creates_people=False)
    assert "Nobody here is linked" in refused(sign_in(client, over_there), client)
    assert AuditEvent.objects.get(verb="user.sign_in_refused").data["provider"] == "Corp"


def test_somebody_without_a_group_of_ours_is_not_made(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider
) -> None:
    assert "gives you a role" in refused(sign_in(client, over_there, "rob"), client)
    assert not User.objects.filter(username="rob").exists()


def test_a_name_that_is_taken_is_not_taken_over(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider
) -> None:
    person("ola", "admin")
    assert "is taken here" in refused(sign_in(client, over_there), client)


def test_an_address_alone_links_nobody(client: Client, corp: SignInProvider, over_there: glewlwyd.Provider) -> None:
    """The provider does not say that it verified the address, so it proves nothing, even where links are allowed."""
    SignInProvider.objects.update(links_by_email=True, creates_people=False)
    person("another", "admin", email="ola@example.org")
    refused(sign_in(client, over_there), client)
    assert not LinkedIdentity.objects.exists()


def test_a_verified_address_links_where_that_is_allowed(corp: SignInProvider) -> None:
    known = person("another", "analyst", email="Ola@example.org")
    claims = {"sub": "x1", "email": "ola@example.org", "email_verified": True, "groups": ["soc-analysts"]}
    corp.creates_people = False
    with pytest.raises(vouching.NotLetIn):
        vouching.person_for(corp, claims)
    corp.links_by_email = True
    assert vouching.person_for(corp, claims) == known


def test_another_mail_domain_is_not_let_in(client: Client, corp: SignInProvider, over_there: glewlwyd.Provider) -> None:
    SignInProvider.objects.update(allowed_domains=["other.example"])
    refused(sign_in(client, over_there), client)


def test_somebody_switched_off_is_not_let_in(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider
) -> None:
    sign_in(client, over_there)
    people.deactivate_user(User.objects.get(username="ola"), actor=SETTER)
    again = Client()
    assert "may not sign in here" in refused(sign_in(again, over_there), again)
    assert not is_in(client)


def test_a_group_that_is_gone_takes_its_role_along(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider
) -> None:
    sign_in(client, over_there)
    over_there.put_in_groups("ola", ["everybody"])
    again = Client()
    refused(sign_in(again, over_there), again)
    assert User.objects.get(username="ola").role_names == ""
    assert not is_in(client)


def test_roles_that_no_group_stands_for_stay(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider
) -> None:
    sign_in(client, over_there)
    ola = User.objects.get(username="ola")
    ola.roles.add(Role.objects.get(key="manager"))
    over_there.put_in_groups("ola", ["everybody"])
    sign_in(Client(), over_there)
    assert User.objects.get(username="ola").role_names == "Manager"


def test_our_second_factor_is_asked_unless_theirs_is_trusted(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider
) -> None:
    sign_in(client, over_there)
    with_app(User.objects.get(username="ola"))
    again = Client()
    assert sign_in(again, over_there)["Location"] == "/accounts/second-factor/"
    assert not is_in(again)
    SignInProvider.objects.update(factor_values=["session"])  # the only amr value that this provider gives
    third = Client()
    sign_in(third, over_there)
    assert is_in(third)


def test_one_links_oneself_and_signs_in_so_from_then_on(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider, ada: User, signed_in: SignedIn
) -> None:
    signed_in(client, ada)
    client.get(CALLBACK, fetch_answer(client, over_there, ask="?purpose=link"))
    other = Client()
    sign_in(other, over_there)
    assert other.get("/me/").context["person"] == ada


def test_the_password_stays_for_when_the_provider_is_away(client: Client, corp: SignInProvider, ada: User) -> None:
    SignInProvider.objects.update(issuer="http://127.0.0.1:9/api/oidc")
    assert "cannot be reached" in refused(client.get(BEGIN), client)
    page = client.get("/accounts/login/").text
    assert "Sign in with Corp" in page
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert is_in(client)


def test_a_provider_that_calls_itself_otherwise_is_refused(corp: SignInProvider) -> None:
    corp.issuer = corp.issuer.replace("127.0.0.1", "localhost")
    with pytest.raises(ProviderFailed, match="not its configured issuer"):
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


def test_who_has_only_a_provider_confirms_there_and_an_empty_form_confirms_nothing(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider
) -> None:
    sign_in(client, over_there)
    page = client.get("/me/confirm/?next=/me/")
    assert "Sign in again with Corp" in page.text
    assert client.post("/me/confirm/", {"next": "/me/"}).status_code == 422
    before = client.session.get("confirmed_at")
    # This provider keeps people signed in and says so, so its word is no proof that somebody is there now.
    answer = client.get(CALLBACK, fetch_answer(client, over_there, ask="?purpose=confirm"))
    assert answer.status_code == 403
    assert client.session.get("confirmed_at") == before
