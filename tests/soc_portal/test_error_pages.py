"""Whatever goes wrong, a person sees a page of ours with the id that the log knows it by, and nothing of the cause."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from accounts.models import User
from soc_portal.urls import handler400, handler403, handler404, handler500  # noqa: F401 - read by Django's resolver
from soc_portal.urls import urlpatterns as shipped

SECRET = "canary-of-the-cause"


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError(SECRET)


urlpatterns = [*shipped, path("static/broken", broken)]


def is_ours(answer: Any, status: int) -> bool:
    text = answer.content.decode()
    assert answer.status_code == status
    assert SECRET not in text
    assert "SOC portal" in text
    return f"Request <code>{answer.headers['X-Request-ID']}</code>" in text


def test_a_host_that_is_not_ours(client: Client) -> None:
    assert is_ours(client.get("/accounts/login/", headers={"Host": "evil.example"}), 400)


def test_what_is_not_allowed(mona: User, client: Client, signed_in: Any) -> None:
    assert is_ours(signed_in(client, mona).get("/admin/users/"), 403)


def test_what_is_not_there(ada: User, client: Client, signed_in: Any) -> None:
    assert is_ours(signed_in(client, ada).get("/incidents/987654/"), 404)


def test_a_form_that_is_not_ours(db: None) -> None:
    assert is_ours(Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "x"}), 403)


def test_too_many_tries(rita: User) -> None:
    answers = [Client().post("/accounts/login/", {"login": "rita", "password": "no"}) for _ in range(6)]
    assert is_ours(answers[-1], 429)


@pytest.mark.urls("tests.soc_portal.test_error_pages")
def test_what_nobody_foresaw(db: None) -> None:
    assert is_ours(Client(raise_request_exception=False).get("/static/broken"), 500)
