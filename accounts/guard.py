"""Permission as a decorator of views: deny by default, say which right is missing."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from accounts.models import User
from core.actors import Actor
from core.permissions import label_of

View = Callable[..., HttpResponseBase]


class AccountRequest(HttpRequest):
    """A request of a signed-in user; what `requires` hands to a view. `actor` is who audit events will name."""

    user: User
    actor: Actor


def requires(key: str) -> Callable[[View], View]:
    """Let only users in whose roles hold `key`; the key is kept on the view for the permission matrix test."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user = request.user
            if not isinstance(user, User) or not user.holds(key):
                raise PermissionDenied(f"This needs the right: {label_of(key)}.")
            return view(request, *args, **kwargs)

        guarded.required_permission = key  # type: ignore[attr-defined]
        return guarded

    return decorate


def anyone_signed_in(view: View) -> View:
    """Mark a view that needs a sign-in and no further right (my profile, sign out)."""
    view.required_permission = "signed_in"  # type: ignore[attr-defined]
    return view


def for_everybody(view: View) -> View:
    """Mark a view that stands before the sign-in: a part of signing in itself."""
    view.required_permission = "anonymous"  # type: ignore[attr-defined]
    return view
