"""Deny by default: without a sign-in there is the sign-in page and `/healthz`, nothing else."""

from collections.abc import Callable
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.step_up import StepUpRequired
from accounts.views import confirm

PUBLIC = ("/accounts/login/", "/healthz", "/static/")
OWN_SIGN_IN = ("/api/",)
WHILE_PASSWORD_IS_OLD = ("/me/password/", "/accounts/logout/", "/static/")


class SignedInOnlyMiddleware:
    """Sends anonymous people to the sign-in page and new people to the password page; the API answers for itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if request.path.startswith(PUBLIC) or request.path.startswith(OWN_SIGN_IN):
            return self.get_response(request)
        if not isinstance(user, User) or not user.is_active:
            return self._to(request, f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}")
        if user.must_change_password and not request.path.startswith(WHILE_PASSWORD_IS_OLD):
            return self._to(request, reverse("accounts:password"))
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


def zone_of(user: User) -> ZoneInfo | None:
    """The zone that a person chose; None is UTC, which the browser turns into its own."""
    try:
        return ZoneInfo(user.time_zone) if user.time_zone else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
