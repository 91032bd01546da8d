"""Every address of the portal says who may open it; what says nothing is open to nobody."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic import RedirectView

from accounts import keys
from accounts.api.permissions import SIGNED_IN
from accounts.guard import anyone_signed_in, requires
from core.permissions import is_registered
from soc_portal import urls

# The only addresses that answer a stranger, and two that decide nothing.
OPEN = {"accounts/login/": "account_login", "healthz": "healthz"}
HARMLESS = {"": "home", "accounts/logout/": "account_logout"}


def doors(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        path = f"{before}{str(entry.pattern).removeprefix('^').removesuffix('$')}"
        if isinstance(entry, URLResolver):
            yield from doors(entry, path)
        else:
            yield path, entry


def undeclared(path: str, entry: Any) -> list[str]:
    """What is wrong with the declaration of one address."""
    if {**OPEN, **HARMLESS}.get(path) == entry.name and entry.name is not None:
        return []
    view = getattr(entry.callback, "cls", None) or getattr(entry.callback, "view_class", None)
    if view is None or view is RedirectView:
        return _wrong([getattr(entry.callback, "required_permission", None)], path)
    declared: dict[str, str] = getattr(view, "required_permissions", {})
    actions: dict[str, str] = getattr(entry.callback, "actions", None) or _methods(view)
    return _wrong([declared.get(action) or declared.get(method.upper()) for method, action in actions.items()], path)


def _methods(view: Any) -> dict[str, str]:
    verbs = ("get", "post", "put", "patch", "delete")
    return {verb: verb for verb in verbs if hasattr(view, verb)}


def _wrong(found: list[str | None], path: str) -> list[str]:
    known = [key is not None and (key == SIGNED_IN or is_registered(key)) for key in found]
    return [] if known and all(known) else [f"{path} declares {found}"]


def test_every_address_declares_a_right_that_exists() -> None:
    found = [wrong for path, entry in doors(get_resolver(urls)) for wrong in undeclared(path, entry)]
    assert found == []


def test_there_are_as_many_addresses_as_a_portal_has() -> None:
    assert len(list(doors(get_resolver(urls)))) > 80


def test_an_address_without_a_declaration_is_seen() -> None:
    bare = URLPattern(urls.urlpatterns[0].pattern, lambda request: None, name="bare")  # type: ignore[arg-type]
    assert undeclared("bare/", bare)
    guarded = URLPattern(urls.urlpatterns[0].pattern, requires(keys.READ)(lambda request: None), name="x")  # type: ignore[arg-type,return-value]
    assert undeclared("x/", guarded) == []
    mine = URLPattern(urls.urlpatterns[0].pattern, anyone_signed_in(lambda request: None), name="x")  # type: ignore[arg-type,return-value]
    assert undeclared("x/", mine) == []


@pytest.mark.parametrize("path", ["django-admin/", "admin/login/", "accounts/signup/", "api-auth/login/", "__debug__/"])
def test_no_other_door_leads_in(client: Client, db: None, path: str) -> None:
    assert client.get(f"/{path}").status_code == 302


def test_every_page_asks_a_stranger_to_sign_in(client: Client, db: None) -> None:
    for path, _entry in doors(get_resolver(urls)):
        if "<" in path or "(" in path or path in OPEN or path.startswith("api/"):
            continue
        answer = client.get(f"/{path}")
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/accounts/login/"), path


def test_the_api_tells_a_stranger_that_a_token_is_needed(client: Client, db: None) -> None:
    for path, _entry in doors(get_resolver(urls)):
        if path.startswith("api/") and "<" not in path and "(" not in path:
            answer = client.get(f"/{path}")
            # Its pages for people send them to the sign-in instead.
            assert answer.status_code in {401, 405} or answer.get("Location", "").startswith("/accounts/login/"), path
