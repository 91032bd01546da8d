"""Every answer that is not a success has one shape, and never shows an exception's text.

`{"error": {"code", "message", "field"?, "link"?, "trace"}}`; `trace` is the id of the request in our log. Rooms teach
`answers_with` how their own exceptions are told.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from django.core import exceptions as django_errors
from django.db import InterfaceError, OperationalError, connection, transaction
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions as rest_errors
from rest_framework.response import Response

from core import permissions
from core.idempotency import KeyReused, StillRunning
from core.lifecycle import IllegalMove, LostRace
from core.logs import trace

logger = logging.getLogger(__name__)

CODES = {
    400: "invalid_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "refused",
    429: "throttled",
    500: "internal_error",
    503: "unavailable",
}
NOT_FOUND = "There is no such thing, or you may not see it."
RETRY_AFTER_S = 5


@dataclass
class Problem(Exception):
    """An answer that is not a success: raise it in a view, or return it from an `answers_with` function."""

    status: int
    message: str
    code: str = ""
    field: str = ""
    link: str = ""
    retry_after_s: int | None = None

    def as_json(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code or CODES[self.status], "message": self.message}
        if self.field:
            error["field"] = self.field
        if self.link:
            error["link"] = self.link
        return {"error": {**error, "trace": trace.get()}}

    def as_response(self) -> Response:
        response = Response(self.as_json(), status=self.status)
        if self.status == 401:
            response["WWW-Authenticate"] = "Bearer"
        if self.retry_after_s is not None:
            response["Retry-After"] = str(self.retry_after_s)
        return response


def invalid(message: str, *, field: str = "") -> Problem:
    return Problem(400, message, field=field)


def conflict(message: str, *, link: str = "") -> Problem:
    return Problem(409, message, link=link)


Teller = Callable[[Any], Problem]
_tellers: dict[type[Exception], Teller] = {}


def answers_with(kind: type[Exception]) -> Callable[[Teller], Teller]:
    """Register how exceptions of `kind` (a room's own) are told; a kind is registered once."""

    def register(teller: Teller) -> Teller:
        if kind in _tellers:
            raise LookupError(f"How to answer {kind.__name__} is already said.")
        _tellers[kind] = teller
        return teller

    return register


def handle_exception(error: Exception, _context: dict[str, Any]) -> Response:
    """DRF's exception handler. What nobody foresaw is logged with its trace and answered as 500 without its text."""
    if connection.settings_dict["ATOMIC_REQUESTS"] and connection.in_atomic_block:
        transaction.set_rollback(True)
    return problem_of(error).as_response()


def problem_of(error: Exception) -> Problem:
    """The answer to any exception."""
    for kind in type(error).__mro__:
        if kind in _tellers:
            return _tellers[kind](error)
    logger.error("unforeseen error", exc_info=error)
    return Problem(500, "Something went wrong here. The trace names the place in our log.")


@answers_with(Problem)
def _told(problem: Problem) -> Problem:
    return problem


@answers_with(rest_errors.APIException)
def _of_the_framework(error: rest_errors.APIException) -> Problem:
    status = error.status_code if error.status_code in CODES else 400
    return Problem(status, _sentence(error.detail))


@answers_with(rest_errors.ValidationError)
def _invalid_body(error: rest_errors.ValidationError) -> Problem:
    path, message = _first(error.detail)
    return invalid(message, field=".".join(path))


@answers_with(rest_errors.NotAuthenticated)
@answers_with(rest_errors.AuthenticationFailed)
def _unauthenticated(error: rest_errors.APIException) -> Problem:
    return Problem(401, _sentence(error.detail))


@answers_with(rest_errors.PermissionDenied)
def _denied_by_the_framework(error: rest_errors.PermissionDenied) -> Problem:
    return Problem(403, _permission_sentence(_sentence(error.detail)))


@answers_with(django_errors.PermissionDenied)
def _denied(error: django_errors.PermissionDenied) -> Problem:
    return Problem(403, _permission_sentence(str(error)))


def _permission_sentence(text: str) -> str:
    """A bare permission key becomes a sentence that names it."""
    for permission in permissions.registered():
        if text == permission.key:
            return f"This needs the permission {permission.key} ({permission.label})."
    return text or "You may not do this."


@answers_with(rest_errors.Throttled)
def _throttled(error: rest_errors.Throttled) -> Problem:
    seconds = max(1, round(getattr(error, "wait", None) or 1))
    return Problem(429, f"Too many requests; try again in {seconds} s.", retry_after_s=seconds)


@answers_with(Http404)
@answers_with(django_errors.ObjectDoesNotExist)
def _missing(_error: Exception) -> Problem:
    return Problem(404, NOT_FOUND)


@answers_with(django_errors.ValidationError)
def _refused_by_a_service(error: django_errors.ValidationError) -> Problem:
    if hasattr(error, "error_dict"):
        field, messages = next(iter(error.message_dict.items()))
        return invalid(messages[0], field="" if field == django_errors.NON_FIELD_ERRORS else field)
    code = error.error_list[0].code
    if code and code != "invalid":
        return Problem(422, error.messages[0], code=code)  # a rule said no, not a form
    return invalid(error.messages[0])


@answers_with(IllegalMove)
def _illegal_move(error: IllegalMove) -> Problem:
    return conflict(f"It is {error.current} and cannot become {error.wanted}.")


@answers_with(LostRace)
def _lost_race(_error: LostRace) -> Problem:
    return conflict("Somebody else changed it in the same moment; read it again.")


@answers_with(KeyReused)
def _key_reused(_error: KeyReused) -> Problem:
    return conflict("This Idempotency-Key was used before with another body.")


@answers_with(StillRunning)
def _still_running(_error: StillRunning) -> Problem:
    problem = conflict("The first request with this Idempotency-Key has not finished.")
    return Problem(problem.status, problem.message, retry_after_s=RETRY_AFTER_S)


@answers_with(django_errors.RequestDataTooBig)
def _too_large(_error: Exception) -> Problem:
    return Problem(413, "The body is larger than this endpoint takes.")


@answers_with(django_errors.SuspiciousOperation)
@answers_with(django_errors.BadRequest)
@answers_with(UnreadablePostError)
def _unreadable(_error: Exception) -> Problem:
    return invalid("The request could not be read.")


@answers_with(OperationalError)
@answers_with(InterfaceError)
@answers_with(redis.RedisError)
def _unavailable(error: Exception) -> Problem:
    logger.error("a server of ours is away", exc_info=error)
    return Problem(503, "The portal cannot reach one of its servers; try again.", retry_after_s=RETRY_AFTER_S)


def _sentence(detail: Any) -> str:
    return _first(detail)[1]


def _first(detail: Any) -> tuple[list[str], str]:
    """The path and message of the first error in DRF's nested detail; one error at a time is enough to mend it."""
    path: list[str] = []
    while True:
        if isinstance(detail, dict) and detail:
            key, detail = next(iter(detail.items()))
            if key not in {"non_field_errors", "detail"}:
                path.append(str(key))
        elif isinstance(detail, list) and detail:
            at, detail = next((index, entry) for index, entry in enumerate(detail) if entry)
            if isinstance(detail, dict | list):
                path.append(str(at))
        else:
            return path, str(detail)
