"""The schema and its page: complete, true, for those who are signed in, and without a hole in the content policy."""

import io
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from tests.factories.api import caller
from tests.factories.people import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(mona: User) -> Any:
    answer = Client().get("/api/v1/schema/", headers={**caller(mona).headers, "Accept": "application/json"})
    assert answer.status_code == 200
    return answer.json()


def test_every_promised_resource_is_in_the_schema(schema: Any) -> None:
    paths = {path.removeprefix("/api/v1/") for path in schema["paths"]}
    assert paths >= {
        "ingest/{format_key}", "incidents", "incidents/{id}", "incidents/{id}/comments", "incidents/{id}/activities",
        "incidents/{id}/alerts", "incidents/{id}/evidence", "incidents/{id}/report", "alerts", "alerts/{id}",
        "alerts/move", "incidents/merge", "devices", "devices/{id}", "files", "identities", "mailboxes", "actions",
        "actions/{id}",
        "actions/{id}/approve", "actions/{id}/reject", "actions/{id}/cancel", "actions/{id}/undo", "actions/catalog",
        "connections", "dead-letters", "dead-letters/{id}/replay", "dead-letters/{id}/discard", "audit", "options",
        "options/{id}", "device-groups", "users", "roles", "me",
    }  # fmt: skip
    assert not [path for path in schema["paths"] if path.endswith("/")]


def test_every_operation_says_its_permission_and_its_errors(schema: Any) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if path.endswith(("schema/", "docs/")):
                continue
            assert operation["x-permission"], (method, path)
            assert {"400", "401", "403", "429"} <= set(operation["responses"]), (method, path)


def test_it_is_made_without_a_warning_and_follows_its_standard(capsys: pytest.CaptureFixture[str]) -> None:
    made = io.StringIO()
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=made)
    assert "Warning" not in capsys.readouterr().err
    assert "NothingInRequest:" in made.getvalue()


def test_posts_take_an_idempotency_key_and_changes_a_version(schema: Any) -> None:
    headers = {
        (method, parameter["name"])
        for operations in schema["paths"].values()
        for method, operation in operations.items()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "header"
    }
    assert {("post", "Idempotency-Key"), ("patch", "If-Match")} <= headers


def test_requests_take_nothing_extra(schema: Any) -> None:
    requests = {name: part for name, part in schema["components"]["schemas"].items() if name.endswith("Request")}
    assert requests
    assert all(part["additionalProperties"] is False for part in requests.values())


def test_the_page_runs_under_the_strict_content_policy(mona: User) -> None:
    browser = sign_in(Client(), mona)
    page = browser.get("/api/v1/docs/")
    html = page.content.decode()
    assert page.status_code == 200
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", html)
    assert "<style" not in html
    assert not re.search(r"https?://(?!www\.w3\.org)", html)
    script = re.search(r'src="(/api/v1/docs/\?[^"]+)"', html)
    assert script is not None
    assert "javascript" in browser.get(script[1].replace("&amp;", "&")).headers["Content-Type"]


def test_schema_and_page_need_a_sign_in() -> None:
    assert Client().get("/api/v1/schema/").status_code == 401
    assert Client().get("/api/v1/docs/").headers["Location"] == "/accounts/login/?next=/api/v1/docs/"
