"""The gate of signing in: wrong factors count like wrong passwords, towards one and the same lock-out."""

from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.mfa.models import Authenticator
from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse

from accounts.models import User


def is_locked(request: HttpRequest, user: User) -> bool:
    """Whether too many wrong tries keep this account out, seen from this address; the answer is then a 429."""
    return not AxesProxyHandler.is_allowed(request, {"username": user.username})


def count_failure(request: HttpRequest, user: User) -> None:
    """A wrong code or passkey: audited, and counted towards the lock-out."""
    user_login_failed.send(sender=__name__, credentials={"username": user.username}, request=request)


def note_factor(request: HttpRequest, user: User, factor: Authenticator) -> None:
    """Write into the session by which factor it was opened."""
    record_authentication(request, user, "mfa", type=str(factor.type), id=factor.pk)


def let_in(request: HttpRequest, user: User, *, method: str, to: str = "", **extra: Any) -> HttpResponse:
    """Sign in somebody whom something other than a password has proved; the remaining stages follow."""
    record_authentication(request, user, method, **extra)
    answer: HttpResponse = perform_login(request, Login(user=user, redirect_url=to or None))
    return answer
