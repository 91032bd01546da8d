"""Whom a real provider brings in: new people, known ones, and nobody whom its word does not cover."""

import pytest
from django.test import Client

from accounts.enums import ScopeKind
from accounts.models import LinkedIdentity, Role, SignInProvider, User
from accounts.services import people, vouching
from core.models import AuditEvent
from tests.accounts import glewlwyd
from tests.accounts.provider_visits import CALLBACK, fetch_answer, is_in, refused, sign_in
from tests.accounts.test_people_sign_in import with_app
from tests.conftest import SignedIn
from tests.factories.api import SETTER
from tests.factories.people import person


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


def test_the_second_time_it_is_the_same_person(
    client: Client, corp: SignInProvider, over_there: glewlwyd.Provider
) -> None:
    sign_in(client, over_there)
    User.objects.filter(username="ola").update(username="ola.nystrom", email="")
    again = Client()
    sign_in(again, over_there)
    assert again.get("/me/").context["person"].username == "ola.nystrom"
    assert LinkedIdentity.objects.count() == 1


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
    proof = signed_in(client, ada).get("/me/factors/").context["link_proof"]
    client.get(CALLBACK, fetch_answer(client, over_there, ask=f"?purpose=link&proof={proof}"))
    other = Client()
    sign_in(other, over_there)
    assert other.get("/me/").context["person"] == ada


def test_a_page_of_somebody_else_links_nothing(client: Client, ada: User, rita: User, signed_in: SignedIn) -> None:
    """It could have its own account over there linked to whoever looks at it."""
    SignInProvider.objects.create(key="corp", name="Corp", issuer="https://login.example.org", client_id="portal")
    of_rita = signed_in(Client(), rita).get("/me/factors/").context["link_proof"]
    signed_in(client, ada)
    for proof in ("", "x", of_rita):
        answer = client.get("/accounts/provider/corp/", {"purpose": "link", "proof": proof})
        assert answer["Location"] == "/me/factors/"
        assert "provider_errand" not in client.session


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
