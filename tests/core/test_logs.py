"""Log lines say to which request or task they belong, and never hold a secret."""

import json
import logging
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from core import jobs, outbox, task_logs
from core.logs import FIELDS, JsonFormatter, LineFormatter, trace
from core.models import OutboxEvent
from core.redaction import HIDDEN, LONGEST, redact, redact_tree
from remediation.tasks import advance_run
from tests.core.followed_request import ingest_one, lines_of
from tests.running_portal import running_portal

CANARY = "canary-7f3e9a11"
FORMATTERS = [JsonFormatter, LineFormatter]


@pytest.fixture(params=FORMATTERS, ids=lambda kind: kind.__name__)
def written(request: pytest.FixtureRequest) -> Iterator[StringIO]:
    """What all loggers write, in either format."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"'authorization': 'Token {CANARY}'",
        f"Cookie: soc_session_8000={CANARY}; theme=dark {CANARY}",
        f"Set-Cookie: __Host-soc_csrf={CANARY}",
        f"bearer {CANARY}",
        f"password={CANARY}&next=/",
        f'{{"client_secret": "{CANARY}"}}',
        f"new_password1='two words {CANARY}'",
        f"api-key: {CANARY}",
        f"X-Api-Token = {CANARY}",
        f"postgres://soc_app:{CANARY}@db:5432/soc",
        f"redis://:{CANARY}@redis:6379/0",
        f"SENTRY_DSN={CANARY}",
        f"soc_{CANARY.replace('-', '')}{'a' * 30}",
        "-----BEGIN EC PRIVATE" + f" KEY-----\n{CANARY}\n-----END EC PRIVATE" + " KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_not_written(text: str, written: StringIO) -> None:
    logging.getLogger("x").warning("before %s after", text)
    assert CANARY not in written.getvalue()
    assert CANARY.replace("-", "") not in written.getvalue()
    assert HIDDEN in written.getvalue()


@pytest.mark.parametrize("text", ["GET incidents:queue 200", "https://portal.example.org/incidents/7/", "5 tokens"])
def test_what_is_no_secret_is_written_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_the_portals_own_secrets_are_known_by_their_value(written: StringIO) -> None:
    for secret in (django_settings.SECRET_KEY, *django_settings.ENCRYPTION_KEYS):
        logging.getLogger("x").error("the value %s by itself", secret)
        assert secret not in written.getvalue()


def test_a_traceback_is_written_without_the_secret_in_it(written: StringIO) -> None:
    error = ConnectionError(f"cannot reach redis://:{CANARY}@redis:6379/0")
    logging.getLogger("x").error("broken", exc_info=error)
    assert "ConnectionError" in written.getvalue()
    assert CANARY not in written.getvalue()


def test_a_hostile_text_costs_no_time() -> None:
    started = time.monotonic()
    for text in ("a" * 500_000, "password" * 60_000, "http://" * 60_000, "token:" * 80_000, "-----BEGIN " * 50_000):
        assert len(redact(text)) <= LONGEST + 1_000_000
    assert time.monotonic() - started < 10


def test_secrets_are_found_in_whatever_they_hide_in() -> None:
    tree = {"headers": [{"Cookie": CANARY}], "object": object, "deep": {"password": {"a": [CANARY]}}, "count": 3}
    found = redact_tree(tree)
    assert CANARY not in json.dumps(found)
    assert found["count"] == 3


# ---- requests ----


def test_a_request_is_one_json_line_with_route_person_and_id(ada: User, client: Client, signed_in: Any) -> None:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.getLogger("soc.request").addHandler(handler)
    answer = signed_in(client, ada).get("/incidents/?q=payroll")
    logging.getLogger("soc.request").removeHandler(handler)
    line = json.loads(stream.getvalue())
    wanted = {"route": "incidents:queue", "method": "GET", "status": 200, "user_id": ada.pk, "level": "info"}
    assert {name: line[name] for name in wanted} == wanted
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert line["duration_ms"] > 0
    assert "payroll" not in stream.getvalue()
    assert {"route", "status", "user_id", "duration_ms"} <= set(FIELDS)


@pytest.mark.parametrize(
    ("trusted", "said", "kept"),
    [
        (["127.0.0.1"], "4bf92f3577b34da6a3ce929d0e0e4736", True),
        (["127.0.0.1"], "short", False),
        (["127.0.0.1"], "a" * 65, False),
        (["127.0.0.1"], "evil\u2028line-of-text", False),
        (["192.0.2.1"], "4bf92f3577b34da6a3ce929d0e0e4736", False),
        ([], "4bf92f3577b34da6a3ce929d0e0e4736", False),
    ],
)
def test_the_id_of_a_request_is_taken_from_a_trusted_proxy_alone(
    client: Client, settings: Settings, trusted: list[str], said: str, kept: bool
) -> None:
    settings.TRUSTED_PROXIES = trusted
    answer = client.get("/static/nothing-here", headers={"X-Request-ID": said})
    assert (answer.headers["X-Request-ID"] == said) is kept
    assert len(answer.headers["X-Request-ID"]) >= 16


# ---- from the request to the worker ----


def queued() -> list[dict[str, Any]]:
    client = redis.Redis.from_url(django_settings.REDIS_URL)
    return [json.loads(message) for message in client.lrange("default", 0, -1)]


@pytest.fixture
def empty_queue() -> None:
    redis.Redis.from_url(django_settings.REDIS_URL).delete("default")


@pytest.mark.django_db
def test_the_id_travels_in_the_message_and_nothing_secret_does(
    empty_queue: None, django_capture_on_commit_callbacks: Any
) -> None:
    token = trace.set("request-12345678")
    with django_capture_on_commit_callbacks(execute=True):
        jobs.enqueue("core.tasks.seal_audit")
    trace.reset(token)
    (message,) = queued()
    assert message["headers"]["soc_request_id"] == "request-12345678"
    assert django_settings.SECRET_KEY not in json.dumps(message)


@pytest.mark.django_db
def test_an_event_of_the_outbox_keeps_the_id_for_its_listeners(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(outbox, "pipeline", lambda: {"x": (("listener", lambda: heard.append(trace.get())),)})
    OutboxEvent.objects.create(topic="x", request_id="request-12345678")
    assert outbox.deliver() == 1
    assert (heard, trace.get()) == (["request-12345678"], "-")


def test_a_task_says_on_what_it_works(written: StringIO) -> None:
    task_logs.begin(task_id="t-1", task=advance_run, args=[77])
    logging.getLogger("x").warning("in the task")
    task_logs.end(task_id="t-1", task=advance_run, args=[77], state="SUCCESS")
    logging.getLogger("x").warning("afterwards")
    inside, after = written.getvalue().splitlines()[0], written.getvalue().splitlines()[-1]
    assert "run_id" in inside
    assert "77" in inside
    assert "t-1" in inside
    assert "t-1" not in after


@pytest.mark.slow
def test_a_request_can_be_followed_into_the_worker(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOC_LOG_FORMAT", "json")
    with running_portal(tmp_path) as url:
        request_id, secret = ingest_one(url)
        found = lines_of(tmp_path / "worker.log", request_id)
    assert "incidents.tasks.correlate_pending" in {line.get("task") for line in found}
    told = next(line for line in lines_of(tmp_path / "web.log", request_id) if line["logger"] == "soc.request")
    assert (told["route"], told["status"]) == ("api:ingest", 202)
    everything = "".join(file.read_text() for file in tmp_path.glob("*.log"))
    assert secret not in everything
