"""What Django itself answers when no endpoint does: the API's shape under `/api/`, a page everywhere else."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views import defaults

from core.api.errors import NOT_FOUND, Problem

PREFIX = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _answer(request, 400, "The request could not be read.") or defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _answer(request, 403, "You may not do this.") or defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _answer(request, 404, NOT_FOUND) or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    message = "Something went wrong here. The trace names the place in our log."
    return _answer(request, 500, message) or defaults.server_error(request)


def _answer(request: HttpRequest, status: int, message: str) -> HttpResponse | None:
    if not request.path.startswith(PREFIX):
        return None
    problem: dict[str, Any] = Problem(status, message).as_json()
    return JsonResponse(problem, status=status)
