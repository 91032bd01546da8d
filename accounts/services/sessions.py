"""Sessions of the browser: when they begin, and what ends them."""

from typing import Any

from django.http import HttpRequest

from accounts import step_up
from accounts.models import User


def begin(request: HttpRequest | None, user: User, **_signal: Any) -> None:
    """Whoever signs in has just proved who they are, unless a provider vouched for a session of its own."""
    if request is not None and not getattr(request, "vouched_for", False):
        step_up.confirm(request)
