"""Signing in and out, lock-out, and the password of the first day."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core.models import AuditEvent
from tests.factories.people import BACKEND, PASSWORD, person

LOGIN = "/accounts/login/"


def verbs(subject: str) -> list[str]:
    return list(AuditEvent.objects.filter(subject=subject).order_by("id").values_list("verb", flat=True))


def sign_in_by_form(client: Client, username: str, password: str = PASSWORD) -> int:
    return client.post(LOGIN, {"login": username, "password": password}).status_code


@pytest.mark.parametrize(
    "path", ["/", "/incidents/", "/me/", "/admin/users/", "/search/?q=x", "/nowhere/", "/admin/login/"]
)
def test_anonymous_sees_the_sign_in_page_and_nothing_else(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith(f"{LOGIN}?next=")


def test_an_htmx_request_without_a_session_takes_the_whole_page_to_the_sign_in(client: Client, db: None) -> None:
    response = client.get("/me/", headers={"HX-Request": "true"})
    assert response.status_code == 204
    assert response["HX-Redirect"].startswith(LOGIN)


def test_the_user_name_is_the_same_in_any_case(client: Client, ada: User) -> None:
    assert sign_in_by_form(client, " ADA ") == 302
    assert client.get("/me/").status_code == 200


def test_signing_in_gives_a_new_session(client: Client, ada: User) -> None:
    client.get(LOGIN)
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    sign_in_by_form(client, "ada")
    assert client.session.session_key != before


def test_signing_in_and_out_is_audited_with_the_address(client: Client, ada: User) -> None:
    sign_in_by_form(client, "ada")
    client.post("/accounts/logout/")
    assert verbs(f"user:{ada.pk}") == ["user.signed_in", "user.signed_out"]
    assert AuditEvent.objects.filter(verb="user.signed_in").get().data == {"address": "127.0.0.1"}
    assert client.get("/me/").status_code == 302


def test_sign_out_needs_a_post(client: Client, ada: User) -> None:
    sign_in_by_form(client, "ada")
    client.get("/accounts/logout/")
    assert client.get("/me/").status_code == 200


def test_five_wrong_passwords_lock_the_name_whatever_its_case(client: Client, ada: User) -> None:
    attempts = [sign_in_by_form(client, name, "wrong") for name in ("ada", "Ada", "aDa", "adA", "ADA")]
    assert attempts == [200, 200, 200, 200, 429]
    response = client.post(LOGIN, {"login": "ada", "password": PASSWORD})
    assert response.status_code == 429
    assert "Too many tries" in response.text
    assert verbs(f"user:{ada.pk}").count("user.locked_out") == 1


def test_a_lock_out_does_not_lock_other_people_out(client: Client, ada: User, rita: User) -> None:
    for _ in range(5):
        sign_in_by_form(client, "ada", "wrong")
    assert sign_in_by_form(client, "rita") == 302


def test_what_was_typed_for_an_unknown_name_is_not_kept(client: Client, ada: User) -> None:
    sign_in_by_form(client, "my secret passphrase", "x")
    event = AuditEvent.objects.get(verb="user.sign_in_failed")
    assert event.subject == "user:unknown"
    assert "secret" not in f"{event.data}{event.changes}{event.reason}"


def test_somebody_switched_off_cannot_sign_in_and_their_session_ends(client: Client, ada: User) -> None:
    sign_in_by_form(client, "ada")
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert client.get("/me/").status_code == 302
    sign_in_by_form(client, "ada")
    assert client.get("/me/").status_code == 302


def test_a_one_time_password_leads_to_the_password_page_and_nowhere_else(client: Client, db: None) -> None:
    person("newcomer", "analyst", must_change_password=True)
    sign_in_by_form(client, "newcomer")
    assert client.get("/incidents/")["Location"] == reverse("accounts:password")
    page = client.get(reverse("accounts:password"))
    assert "present" not in page.context["form"].fields


def test_choosing_a_password_opens_the_portal_and_keeps_this_session(client: Client, db: None) -> None:
    newcomer = person("newcomer", "analyst", must_change_password=True)
    sign_in_by_form(client, "newcomer")
    chosen = "a wholly new passphrase"
    response = client.post(reverse("accounts:password"), {"new": chosen, "again": chosen})
    assert response.status_code == 302
    assert client.get("/me/").status_code == 200
    assert sign_in_by_form(Client(), "newcomer", chosen) == 302
    assert "user.password_changed" in verbs(f"user:{newcomer.pk}")


@pytest.mark.parametrize("chosen", ["short", "password1234", PASSWORD])
def test_a_weak_or_unchanged_password_is_refused(client: Client, ada: User, chosen: str) -> None:
    sign_in_by_form(client, "ada")
    answer = client.post(reverse("accounts:password"), {"present": PASSWORD, "new": chosen, "again": chosen})
    assert answer.status_code == 422


def test_changing_the_password_needs_the_present_one(client: Client, ada: User) -> None:
    sign_in_by_form(client, "ada")
    body = {"present": "guess", "new": "a wholly new passphrase", "again": "a wholly new passphrase"}
    assert client.post(reverse("accounts:password"), body).status_code == 422
    body["present"] = PASSWORD
    assert client.post(reverse("accounts:password"), body).status_code == 302


def test_a_changed_password_ends_the_other_sessions(client: Client, ada: User) -> None:
    other = Client()
    sign_in_by_form(client, "ada")
    sign_in_by_form(other, "ada")
    body = {"present": PASSWORD, "new": "a wholly new passphrase", "again": "a wholly new passphrase"}
    client.post(reverse("accounts:password"), body)
    assert client.get("/me/").status_code == 200
    assert other.get("/me/").status_code == 302


def test_the_present_password_cannot_be_guessed_at_leisure(client: Client, ada: User) -> None:
    sign_in_by_form(client, "ada")
    body = {"present": "guess", "new": "a wholly new passphrase", "again": "a wholly new passphrase"}
    answers = [client.post(reverse("accounts:password"), body).status_code for _ in range(7)]
    assert answers[-1] == 429


def test_nobody_signs_up_and_no_mail_resets_a_password(client: Client, ada: User) -> None:
    sign_in_by_form(client, "ada")
    for path in ("signup/", "password/reset/", "password/change/", "email/", "inactive/"):
        assert client.get(f"/accounts/{path}").status_code == 404


def test_the_next_page_stays_on_this_portal(client: Client, ada: User) -> None:
    answer = client.post(f"{LOGIN}?next=https://evil.example/", {"login": "ada", "password": PASSWORD})
    assert answer["Location"] == "/"


def test_every_page_carries_the_strict_policy(client: Client, db: None) -> None:
    policy = client.get(LOGIN)["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_what_somebody_signed_in_saw_is_kept_by_no_browser(client: Client, ada: User) -> None:
    client.force_login(ada, backend=BACKEND)
    for address in ("/incidents/", "/me/", "/incidents/export/"):
        assert client.get(address)["Cache-Control"] == "no-store"
