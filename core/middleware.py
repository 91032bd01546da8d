"""An id for every request: in the log, in API errors, on error pages and in the answer's header."""

import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.utils.functional import LazyObject

from core import metrics
from core.logs import trace

logger = logging.getLogger("soc.request")
_FROM_A_PROXY = re.compile(r"[A-Za-z0-9_-]{8,64}")
# Asked every few seconds by machines, and worth no line.
UNTOLD = {"healthz", "metrics"}


class RequestTraceMiddleware:
    """`core.proxies` has left the id of a request only where a trusted proxy gave it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        token = trace.set(given if _FROM_A_PROXY.fullmatch(given) else secrets.token_hex(8))
        started = time.monotonic()
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = response["X-Trace"] = trace.get()
            _tell(request, response, time.monotonic() - started)
            return response
        finally:
            trace.reset(token)


def _tell(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    """Names of routes, never addresses: those hold the names of things and what people searched for."""
    route = request.resolver_match.view_name if request.resolver_match else "unmatched"
    metrics.observe_request(route=route, method=request.method or "", status=response.status_code, seconds=seconds)
    if route in UNTOLD:
        return
    logger.info(
        "%s %s %d",
        request.method,
        route,
        response.status_code,
        extra={
            "route": route,
            "method": request.method,
            "status": response.status_code,
            "duration_ms": round(seconds * 1000, 1),
            "user_id": _who(request),
        },
    )


def _who(request: HttpRequest) -> int | None:
    """The person, if anybody has asked yet: a line in the log is not worth a query."""
    user: Any = getattr(request, "_cached_user", None) or request.__dict__.get("user")
    if user is None or isinstance(user, LazyObject):
        return None
    found: int | None = user.pk
    return found


class TransportSecurityMiddleware(SecurityMiddleware):
    """HSTS holds for a name with all its ports: said for `localhost` it would lock out whatever else runs there."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        answer: HttpResponse = super().process_response(request, response)
        if request.META.get("HTTP_HOST", "").partition(":")[0] == "localhost":
            answer.headers.pop("Strict-Transport-Security", None)
        return answer
