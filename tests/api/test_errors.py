"""Every answer that is no success has one shape and gives nothing away."""

from typing import Any

import pytest
import redis
from django.db import OperationalError
from django.test import Client, override_settings
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from core.api.views import ApiViewSet
from tests.factories.api import Answer, Caller, caller
from tests.factories.incidents import IncidentFactory

pytestmark = pytest.mark.django_db


class FailingViewSet(ApiViewSet):
    """Fails as the query says."""

    required_permissions = {"fail": "signed_in"}
    query_parameters = ("how",)

    def fail(self, request: Request) -> Response:
        failures: dict[str, Exception] = {
            "bug": RuntimeError("the password is hunter2"),
            "database": OperationalError("connection to 10.0.0.7 refused"),
            "broker": redis.ConnectionError("10.0.0.8"),
        }
        raise failures[request.query_params["how"]]


urlpatterns: list[Any] = [path("api/v1/fail", FailingViewSet.as_view({"get": "fail", "post": "fail"}))]
handler404 = "core.api.outside.not_found"
handler500 = "core.api.outside.server_error"


def of_shape(answer: Answer, status: int, code: str) -> dict[str, Any]:
    error: dict[str, Any] = answer.body["error"]
    assert (answer.status, error["code"]) == (status, code)
    assert set(error) <= {"code", "message", "field", "link", "trace"}
    assert error["message"]
    assert error["trace"] == answer.headers["X-Trace"]
    return error


def test_what_does_not_exist(ada: User) -> None:
    of_shape(caller(ada).get("/incidents/999999"), 404, "not_found")
    of_shape(caller(ada).get("/incidents/many"), 404, "not_found")
    of_shape(caller(ada).get("/nowhere"), 404, "not_found")
    of_shape(caller().get("/nowhere"), 404, "not_found")


def test_a_wrong_method_says_which_ones_there_are(ada: User) -> None:
    answer = caller(ada).call("DELETE", "/incidents")
    of_shape(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "BREW"])
def test_methods_nobody_declared(ada: User, method: str) -> None:
    of_shape(caller(ada).call(method, "/incidents"), 405, "method_not_allowed")


def test_a_missing_right_is_named(mona: User) -> None:
    incident = IncidentFactory.create()
    error = of_shape(caller(mona).patch(f"/incidents/{incident.pk}", {}), 403, "forbidden")
    assert "alerts.manage" in error["message"]


def test_another_content_type(ada: User) -> None:
    answer = caller(ada).send("/incidents", b"<incident/>", content_type="application/xml")
    of_shape(answer, 415, "unsupported_media_type")


def test_a_body_over_the_limit(ada: User) -> None:
    of_shape(caller(ada).send("/incidents", b'"' + b"x" * 1_100_000 + b'"'), 413, "too_large")
    of_shape(caller(ada).send("/incidents", b"x" * 22 * 1024 * 1024), 413, "too_large")


def test_a_body_in_chunks_is_refused_instead_of_read_as_empty(ada: User) -> None:
    answer = caller(ada).post("/incidents", {"display_name": "x"}, Transfer_Encoding="chunked")
    of_shape(answer, 400, "invalid_request")


def test_answers_are_kept_by_no_cache(ada: User) -> None:
    assert caller(ada).get("/me").headers["Cache-Control"] == "no-store"


def test_a_misspelt_filter_does_not_answer_everything(ada: User) -> None:
    error = of_shape(caller(ada).get("/incidents", staus="active"), 400, "invalid_request")
    assert error["field"] == "staus"


def test_an_unknown_value_of_a_filter(ada: User) -> None:
    error = of_shape(caller(ada).get("/incidents", status="asleep"), 400, "invalid_request")
    assert error["field"].startswith("status")


def test_nul_in_the_query(ada: User) -> None:
    of_shape(caller(ada).get("/incidents", search="a\x00b"), 400, "invalid_request")


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [("bug", 500, "internal_error"), ("database", 503, "unavailable"), ("broker", 503, "unavailable")],
)
@override_settings(ROOT_URLCONF=__name__)
def test_our_own_failures_keep_their_text_to_themselves(ada: User, how: str, status: int, code: str) -> None:
    answer = caller(ada).get("/fail", how=how)
    error = of_shape(answer, status, code)
    assert not any(secret in str(error) for secret in ("hunter2", "10.0.0", "Error"))
    assert ("Retry-After" in answer.headers) == (status == 503)


@override_settings(ROOT_URLCONF=__name__)
def test_a_failed_post_may_be_tried_again_under_its_key(ada: User) -> None:
    client = caller(ada)
    for _ in range(2):
        answer = client.call("POST", "/fail", query={"how": "bug"}, body={}, headers={"Idempotency-Key": "k"})
        of_shape(answer, 500, "internal_error")


@override_settings(API_RATE="3/min")
def test_too_many_requests(ada: User, rita: User) -> None:
    client = caller(ada)
    answers = [client.get("/me") for _ in range(5)]
    of_shape(answers[-1], 429, "throttled")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert caller(rita).get("/me").status == 200


@override_settings(API_RATE="3/min")
def test_guessing_tokens_is_counted_too() -> None:
    answers = [Caller("soc_guess").get("/me").status for _ in range(5)]
    assert answers[-1] == 429


@override_settings(API_RATE="1/min", CACHES={"default": {
    "BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}})  # fmt: skip
def test_without_the_broker_nothing_is_throttled(ada: User) -> None:
    client = caller(ada)
    assert [client.get("/me").status for _ in range(3)] == [200, 200, 200]


def test_pages_outside_the_api_stay_pages() -> None:
    assert b"error" not in Client().get("/nowhere/").content[:20]
