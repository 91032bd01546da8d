"""What the sign-in libraries ask of us."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from accounts.services import sessions
from accounts.services.enforcement import duty_of
from core import clock
from core.client_address import client_address


class PortalAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """People are made by an administrator; nobody signs up."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "This user name and password do not belong together.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        """Somebody who was switched off learns only that signing in did not work."""
        return redirect("account_login")

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        """The library has listed the session by now; we add how it was opened."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if isinstance(user, User):
            sessions.look_again(request, user)
            _remind(request, user)
        return response

    def get_login_stages(self) -> list[str]:
        """Of the library's stages only the second factor, in our own rule."""
        return ["accounts.stages.SecondFactorStage"]

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """No "Successfully signed in as": the page that follows says it."""


def _remind(request: HttpRequest, user: User) -> None:
    """In the days of grace every sign-in says that a second factor is wanted."""
    duty = duty_of(user)
    if duty.needed and duty.due and not duty.overdue:
        days = (duty.due - clock.real_now()).days + 1
        left = f"{days} day{'s' if days > 1 else ''}"
        messages.warning(
            request, f"Your role needs a second factor. Set it up under Sign-in and sessions: {left} left."
        )


def name_of_attempt(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The user name an attempt is counted under: whatever the case, one name is one account."""
    name = (credentials or {}).get("username") or request.POST.get("login") or ""
    return str(name).strip().lower()[:255]
