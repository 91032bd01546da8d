"""`/healthz` tells what works, to anybody, cheaply, and nothing else."""

from unittest import mock

import pytest
import redis
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core import heartbeat
from soc_portal import measures

PARTS = {"database", "broker", "workers", "beat", "disk", "ingest_lag_s", "correlation_lag_s"}


@pytest.fixture
def alive(db: None) -> None:
    heartbeat.worker_is_alive()
    heartbeat.beat_is_alive()


def test_it_answers_without_a_sign_in_and_says_no_more_than_it_should(client: Client, alive: None) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert set(answer.json()) == PARTS
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies


def test_it_costs_a_few_queries(client: Client, alive: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        client.get("/healthz")
    assert len(queries) <= 4


def test_without_workers_it_is_503(client: Client, alive: None, caplog: pytest.LogCaptureFixture) -> None:
    heartbeat.forget()
    answer = client.get("/healthz")
    assert not caplog.records, "a portal that starts is asked often, and none of that is an error"
    assert answer.status_code == 503
    assert (answer.json()["workers"], answer.json()["database"]) == (False, True)


def test_without_a_broker_it_is_503_and_still_answers(
    client: Client, alive: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = redis.Redis(port=1, socket_connect_timeout=0.2)
    monkeypatch.setattr(heartbeat, "_client", lambda: away)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["broker"] is False


def test_without_a_database_it_is_503_and_still_answers(client: Client, alive: None) -> None:
    with mock.patch("django.db.models.query.QuerySet.aggregate", side_effect=OperationalError):
        answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["database"] is False
    assert answer.json()["correlation_lag_s"] is None


def test_a_disk_that_is_nearly_full_is_told_and_takes_nothing_out_of_service(
    client: Client, alive: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for free, enough in ((500 * 1024**2, False), (50 * 1024**3, True)):
        monkeypatch.setattr(measures, "disk", lambda free=free: (free, 100 * 1024**3))
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()["disk"]) == (200, enough)


def test_only_reading_is_possible(client: Client, alive: None) -> None:
    assert client.post("/healthz").status_code == 405
