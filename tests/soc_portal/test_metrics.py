"""`/metrics` tells a monitoring system how the portal is, and tells nobody else anything."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from accounts.models import User
from core import audit_check, heartbeat, outbox
from core import metrics as counted
from core.models import OutboxEvent
from soc_portal import measures, metrics
from tests.factories.api import caller
from tests.factories.wire import wazuh_alert
from tests.flows.stage import set_stage
from tests.house.source_tree import ROOT

TOKEN = "scrape-me-0123456789"
NAMED = re.compile(r"\bsoc_[a-z_]+")


@pytest.fixture(autouse=True)
def asked_anew(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    metrics.ANSWERS.forget()


def scrape() -> dict[str, dict[tuple[str, ...], float]]:
    """name -> values of its labels, in order of their names -> figure, as Prometheus reads it."""
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


# ---- who may read ----


@pytest.mark.parametrize("said", [None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer "])
def test_without_the_token_it_tells_nothing(client: Client, said: str | None) -> None:
    answer = client.get("/metrics", headers={"Authorization": said} if said else {})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert b"soc_" not in answer.content


def test_a_person_who_is_signed_in_is_a_stranger_here(adam: User, client: Client, signed_in: Any) -> None:
    assert signed_in(client, adam).get("/metrics").status_code == 401


def test_where_nobody_is_named_there_is_nothing(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(("peer", "status"), [("192.0.2.7", 200), ("198.51.100.7", 401)])
def test_an_address_can_be_let_in_and_cannot_be_claimed(
    db: None, client: Client, settings: Settings, peer: str, status: int
) -> None:
    settings.METRICS_ADDRESSES = ["192.0.2.0/24"]
    answer = client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}, REMOTE_ADDR=peer)
    assert answer.status_code == status


def test_nothing_below_it_is_public(db: None, client: Client) -> None:
    assert client.get("/metrics/").status_code == 302
    assert client.get("/metricsx").status_code == 302


# ---- what it tells ----


def test_every_figure_is_there_with_what_it_means(db: None) -> None:
    heartbeat.worker_is_alive()
    heartbeat.beat_is_alive()
    audit_check.run()
    found = scrape()
    missing = {"soc_backup_age_seconds", "soc_certificate_expires_seconds", "soc_connections"}
    counted = {"soc_ingest_items_total", "soc_tasks_total", "soc_agent_polls_total"}
    assert set(metrics.names()) - set(found) - missing - counted == set()
    assert found["soc_scrape_failed"] == {("database",): 0.0, ("broker",): 0.0, ("machine",): 0.0}
    assert found["soc_audit_chain_whole"][()] == 1
    text = metrics.ANSWERS.text().decode()
    assert all(f"# HELP {name} " in text for name in found if name in metrics.names() and "http" not in name)


def test_what_is_handed_in_is_counted_by_format_and_outcome(adam: User, db: None) -> None:
    before = scrape().get("soc_ingest_items_total", {})
    metrics.ANSWERS.forget()
    caller(adam).post("/ingest/wazuh", [wazuh_alert(), {"no": "alert"}])
    after = scrape()["soc_ingest_items_total"]
    grown = {labels[1]: count - before.get(labels, 0) for labels, count in after.items() if labels[0] == "wazuh"}
    assert (grown["accepted"], grown["rejected"]) == (1, 1)


def test_requests_are_counted_by_route_and_status_never_by_address(ada: User, client: Client, signed_in: Any) -> None:
    signed_in(client, ada).get("/incidents/12345/")
    client.get("/nothing/of/payroll")
    found = scrape()
    assert found["soc_http_requests_total"][("GET", "incidents:incident", "404")] >= 1
    assert any("incidents:incident" in labels for labels in found["soc_http_request_duration_seconds_bucket"])
    assert not [labels for labels in found["soc_http_requests_total"] if "payroll" in str(labels)]


def test_what_waits_is_told_with_its_age(ada: User, rita: User, adam: User) -> None:
    set_stage(ada, rita, adam)
    OutboxEvent.objects.create(topic="x")
    found = scrape()
    assert found["soc_decisions_pending"][()] >= 1
    assert found["soc_outbox_waiting"][()] >= 1
    assert sum(found["soc_runs_open"].values()) >= 1
    assert outbox.deliver() >= 0


def test_no_label_names_a_person_or_a_thing(ada: User, rita: User, adam: User, client: Client, signed_in: Any) -> None:
    set_stage(ada, rita, adam)
    signed_in(client, ada).get("/search/", {"q": "WS-14"})
    text = (counted.REQUESTS.collect(), scrape(), metrics.ANSWERS.text().decode())
    assert [name for name in ("ada", "Lindqvist", "WS-14", "okafor", "svc_update") if name in str(text)] == []


def test_it_costs_few_queries_however_many_scrape(db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        scrape()
        scrape()
    assert len(queries) <= 25


def test_without_the_database_the_rest_is_told(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> int:
        raise OperationalError

    monkeypatch.setattr(measures, "short_questions", away)
    found = scrape()
    assert found["soc_scrape_failed"][("database",)] == 1
    assert "soc_queue_depth" in found
    assert "soc_alerts_waiting" not in found


def test_without_the_broker_the_rest_is_told(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "broker", lambda: redis.Redis(port=1, socket_connect_timeout=0.2))
    found = scrape()
    assert found["soc_scrape_failed"][("broker",)] == 1
    assert "soc_alerts_waiting" in found


def test_processes_behind_one_address_are_added_up(tmp_path: Path) -> None:
    env = {**os.environ, counted.SHARED_FOLDER: str(tmp_path), "PYTHONPATH": str(ROOT)}
    count = "from core import metrics; metrics.observe_request(route='r', method='GET', status=200, seconds=0.1)"
    for place in ("1", "2", "2"):
        subprocess.run([sys.executable, "-c", count], env=env | {"SOC_FIGURES_OF": place}, check=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "counter_1.db", "counter_2.db", "histogram_1.db", "histogram_2.db"
    ], "a worker that replaces another goes on in its file"  # fmt: skip
    tell = "from core import metrics as m; import prometheus_client as p; print(p.generate_latest(m.of_processes()))"
    told = subprocess.run([sys.executable, "-c", tell], env=env, check=True, capture_output=True, text=True).stdout
    assert 'soc_http_requests_total{method="GET",route="r",status="200"} 3.0' in told.replace("\\", "")


# ---- documents and rules ----


def test_alert_rules_name_figures_that_exist() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"][0]["rules"]
    named = {name for rule in rules for name in NAMED.findall(rule["expr"])}
    assert len(named) > 15
    assert named - set(metrics.names()) == set()
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in rules)


def test_every_figure_is_documented_and_no_other() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    told = set(re.findall(r"^\| `(soc_[a-z_]+)` \|", text, re.MULTILINE))
    assert told == {re.sub("_(bucket|sum|count)$", "", name) for name in metrics.names()}
