"""Deny by default: without a sign-in there is the sign-in page and `/healthz`, nothing else."""

from collections.abc import Callable
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.services import sessions
from accounts.step_up import StepUpRequired
from accounts.views import confirm

PUBLIC = ("/accounts/login/", "/accounts/second-factor/", "/accounts/passkey/", "/accounts/provider/", "/healthz",
          "/static/")  # fmt: skip
OWN_SIGN_IN = ("/api/",)
# Decides by itself who may read; the address exactly, so that nothing below it is let through.
OWN_DECISION = {"/metrics"}
WHILE_PASSWORD_IS_OLD = ("/me/password/", "/accounts/logout/", "/static/")
WHILE_FACTOR_IS_MISSING = ("/me/factors/", "/me/confirm/", "/accounts/logout/", "/static/")


class SignedInOnlyMiddleware:
    """Sends anonymous people to the sign-in page, and people who must first set a password or a second factor to where
    they do it; the API answers for itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if request.path.startswith((*PUBLIC, *OWN_SIGN_IN)) or request.path in OWN_DECISION:
            return self.get_response(request)
        if not isinstance(user, User) or not user.is_active or sessions.is_over(request):
            logout_quietly(request)
            return self._to(request, f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}")
        sessions.keep(request, user)
        if held := held_back(request, user):
            return self._to(request, held)
        request.actor = user.actor  # type: ignore[attr-defined]
        with timezone.override(zone_of(user)):
            response = self.get_response(request)
        # After signing out, going back must not show what only somebody signed in may see.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A dangerous act without a confirmation asks for it."""
        return confirm.answer(request, error) if isinstance(error, StepUpRequired) else None

    @staticmethod
    def _to(request: HttpRequest, url: str) -> HttpResponse:
        """A redirect that also takes an htmx request's whole page along."""
        if request.headers.get("HX-Request"):
            response = HttpResponse(status=204)
            response["HX-Redirect"] = url
            return response
        return redirect(url)


def held_back(request: HttpRequest, user: User) -> str:
    """Where somebody must go first; empty when nothing is asked of them."""
    if user.must_change_password:
        return "" if request.path.startswith(WHILE_PASSWORD_IS_OLD) else reverse("accounts:password")
    if sessions.is_held(request) and not request.path.startswith(WHILE_FACTOR_IS_MISSING):
        return reverse("accounts:factors")
    return ""


def logout_quietly(request: HttpRequest) -> None:
    """Forget a session whose time is over, or whose person was switched off."""
    if request.user.is_authenticated:
        logout(request)


def zone_of(user: User) -> ZoneInfo | None:
    """The zone that a person chose; None is UTC, which the browser turns into its own."""
    try:
        return ZoneInfo(user.time_zone) if user.time_zone else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
