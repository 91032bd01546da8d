"""Who calls the API: a bearer token, or the browser's own session with its CSRF token.

Both leave `request.actor`, whom audit events name, beside `request.user`, whose rights count. A token's user holds,
for the length of the request, no more than the token says.
"""

from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, CSRFCheck, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.services import sessions
from accounts.services.tokens import find_token


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer soc_...`; any fault is a 401 that does not say which."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, secret = get_authorization_header(request).decode("latin-1").strip().partition(" ")
        if not scheme:
            return None
        token = find_token(secret.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            raise AuthenticationFailed("The token is not valid.")
        token.user.narrow(token.keys_within(token.user.permission_keys))
        request._request.actor = token.actor  # type: ignore[attr-defined]
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BrowserSessionAuthentication(BaseAuthentication):
    """The session of somebody signed in to the pages; a change needs the CSRF token as well."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        user = request._request.user
        if not isinstance(user, User) or not user.is_active or sessions.is_over(request._request):
            return None
        if user.must_change_password:
            raise AuthenticationFailed("The one-time password must be changed first.")
        if sessions.is_held(request._request):
            raise AuthenticationFailed("A second factor must be set up first.")
        self._require_csrf_token(request)
        request._request.actor = user.actor  # type: ignore[attr-defined]
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    @staticmethod
    def _require_csrf_token(request: Request) -> None:
        check = CSRFCheck(_never_called)
        check.process_request(request._request)
        if check.process_view(request._request, _never_called, (), {}):
            raise PermissionDenied("The CSRF token is missing or wrong.")


def _never_called(_request: HttpRequest) -> Any:
    """What Django's CSRF check wants to wrap; DRF calls its two steps by hand."""
    raise AssertionError
