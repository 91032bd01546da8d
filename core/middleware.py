"""A trace id for every request: in the log, in API errors and in the answer's header."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core.logs import trace


class RequestTraceMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = trace.set(secrets.token_hex(8))
        try:
            response = self.get_response(request)
            response["X-Trace"] = trace.get()
            return response
        finally:
            trace.reset(token)
