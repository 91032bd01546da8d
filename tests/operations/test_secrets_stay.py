"""Secrets are where they were put and nowhere else: not in a plain dump of the database, the broker, the logs, the
error pages, the schema of the API, the history, what waits to be told, or the figures."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from django.test import Client

from accounts.models import SignInProvider, User
from accounts.services import factors
from accounts.services.providers import save_provider
from accounts.services.tokens import issue_token
from connectors.kinds.simulator.connector import SimulatorConnector
from connectors.registry import Kind, Setting
from connectors.services.connections import create_connection, update_connection
from core import options
from core.models import AuditEvent, OutboxEvent
from incidents.queries.incidents import IncidentQuerySet
from notifications.options import INSIDE
from notifications.services.endpoints import add_endpoint, rotate_secret, try_endpoint
from soc_portal.up.postgres import binary
from soc_portal.up.processes import wait_until
from tests.accounts.test_second_factor import code_of
from tests.factories.api import caller
from tests.factories.people import PASSWORD, sign_in
from tests.factories.wire import graph_alert
from tests.running_portal import database_url_of_this_test, running_portal

NOWHERE = "http://127.0.0.1:9/CANARY-address"
SMTP, METRICS = "CANARY-smtp-4b1d9c", "CANARY-metrics-77e210"


@dataclass
class Secrets:
    """Each by its name; `session` is the cookie of somebody who is signed in."""

    by_name: dict[str, str]
    session: str

    def found_in(self, text: str) -> list[str]:
        return [name for name, secret in self.by_name.items() if secret in text]


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Setting("password", "Password", secret=True, required=True)
    kind = Kind("simulator", "Vault", "Keeps a secret.", simulated=True, open=SimulatorConnector, settings=(secret,))
    monkeypatch.setattr("connectors.services.connections.get_kind", lambda key: kind)


@pytest.fixture
def secrets(vault: None, adam: User, ada: User) -> Secrets:
    """Set through the services that the pages use, and set once more where that is possible."""
    made = create_connection(
        name="Vault", kind="simulator", settings={"password": "CANARY-connection-1"}, actor=adam.actor
    )
    update_connection(made, name="Vault", settings={"password": "CANARY-connection-2"}, actor=adam.actor)
    options.put(INSIDE.key, ["127.0.0.1"], actor=adam.actor)
    endpoint, signing = add_endpoint("Hook", kind="webhook", url=NOWHERE, actor=adam.actor)
    rotated = rotate_secret(endpoint, actor=adam.actor)
    provider = SignInProvider(key="corp", name="Corp", issuer="https://login.example.org", client_id="portal")
    save_provider(provider, changes={"group_roles": {}}, secret="CANARY-client-secret", actor=adam.actor)
    app = factors.new_secret()
    codes = factors.set_up_app(ada, secret=app, code=code_of(app, step=-1), actor=ada.actor)
    _, token = issue_token(adam, name="script", lifetime=timedelta(days=1), actor=adam.actor)
    browser = sign_in(Client(), adam)
    browser.get("/incidents/")
    return Secrets({
        "connection, former": "CANARY-connection-1", "connection": "CANARY-connection-2", "webhook, former": signing,
        "webhook": rotated, "address of the webhook": "CANARY-address", "OIDC client": "CANARY-client-secret",
        "app": app, **{f"recovery code {number}": code for number, code in enumerate(codes)}, "API token": token,
        "SMTP": SMTP, "metrics": METRICS, "password": PASSWORD, "key of the portal": configured.SECRET_KEY,
        **{f"key {number}": key for number, key in enumerate(configured.ENCRYPTION_KEYS)},
    }, browser.cookies[configured.SESSION_COOKIE_NAME].value)  # fmt: skip


def dump() -> str:
    address = database_url_of_this_test()
    told = subprocess.run(
        [binary("pg_dump"), "--inserts", "--no-owner", "--dbname", as_uri(address)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return told.stdout


def as_uri(address: str) -> str:
    """The settings write the folder of the socket before the name of the database; the tools want it as a word."""
    scheme, _, rest = address.partition("://")
    who, _, where = rest.partition("@/")
    if not where:
        return address
    folder, _, name = where.rpartition("/")
    return f"{scheme.replace('postgres', 'postgresql', 1)}://{who}@/{name}?host={folder}"


def broker() -> Iterator[str]:
    """All keys of all databases of the broker with what they hold."""
    with redis.Redis.from_url(configured.REDIS_URL) as client:
        for key in client.scan_iter(count=500):
            yield repr(key)
            yield repr(client.dump(key))
            if client.type(key) == b"list":
                yield repr(client.lrange(key, 0, -1))


@pytest.mark.django_db(transaction=True)
def test_no_dump_and_no_broker_holds_a_secret_in_plain(secrets: Secrets) -> None:
    plain = dump()
    assert "Vault" in plain
    assert "login.example.org" in plain
    assert secrets.found_in(plain) == []
    assert secrets.found_in("\n".join(broker())) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["line", "json"])
def test_no_log_of_a_running_portal_holds_a_secret(kind: str, secrets: Secrets, tmp_path: Path) -> None:
    more = {"SOC_LOG_FORMAT": kind, "SOC_SMTP_PASSWORD": SMTP, "SOC_METRICS_TOKEN": METRICS,
            "SOC_LOG_LEVEL": "DEBUG"}  # fmt: skip
    token = secrets.by_name["API token"]
    with running_portal(tmp_path, more) as url:
        answers = [ask(url, path, bearer=bearer) for path in ("/api/v1/me", "/api/v1/incidents?search=x", "/metrics",
                                                               "/api/v1/nothing", "/healthz")
                   for bearer in (token, METRICS, token[:-1] + "0")]  # fmt: skip
        sent = ask(url, "/api/v1/ingest/graph", bearer=caller(User.objects.get(username="adam")).headers[
            "Authorization"].removeprefix("Bearer "), body=[graph_alert()])  # fmt: skip
        assert '"accepted"' in sent
        assert wait_until(lambda: not OutboxEvent.objects.filter(delivered_at=None).exists(), seconds=30)
        assert secrets.found_in("\n".join(broker())) == []
    logs = "\n".join(file.read_text() for file in tmp_path.glob("*.log"))
    assert "soc.request" in logs
    assert secrets.found_in(logs) == []
    assert secrets.session not in logs
    assert secrets.found_in("\n".join(answers)) == []


def ask(url: str, path: str, *, bearer: str, body: Any = None) -> str:
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    request = urllib.request.Request(url + path, json.dumps(body).encode() if body else None, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return str(error.read().decode())


@pytest.mark.django_db
def test_no_history_and_no_event_holds_a_secret(secrets: Secrets) -> None:
    rows = [*AuditEvent.objects.values(), *OutboxEvent.objects.values()]
    assert len(rows) > 5
    assert secrets.found_in(repr(rows)) == []
    assert secrets.session not in repr(rows)


@pytest.mark.django_db
def test_no_error_holds_a_secret(secrets: Secrets, adam: User, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """An error of ours, with secrets in its words and in the variables around it."""

    def fail(*_: Any, **__: Any) -> None:
        held = dict(secrets.by_name)
        raise RuntimeError(" ".join(f"password={secret}" for secret in held.values()))

    client = sign_in(Client(raise_request_exception=False), adam)
    monkeypatch.setattr(IncidentQuerySet, "visible_to", fail)
    page, answer = (
        client.get("/incidents/"),
        client.get("/api/v1/incidents", headers={"Authorization": f"Bearer {secrets.by_name['API token']}"}),
    )
    assert (page.status_code, answer.status_code) == (500, 500)
    told = f"{page.content.decode()} {page.headers} {answer.content.decode()} {answer.headers}"
    assert secrets.found_in(told) == []
    assert "RuntimeError" not in told


@pytest.mark.django_db
def test_no_schema_no_page_and_no_figure_holds_a_secret(secrets: Secrets, adam: User, settings: Any) -> None:
    settings.METRICS_TOKEN, settings.SMTP_PASSWORD = METRICS, SMTP
    client = sign_in(Client(), adam)
    figures = Client().get("/metrics", headers={"Authorization": f"Bearer {METRICS}"})
    assert figures.status_code == 200
    pages = ["/api/v1/schema/", "/admin/connections/", "/admin/notifications/", "/admin/sign-in/", "/admin/tokens/",
             "/admin/audit/", "/admin/users/", "/me/", "/me/factors/"]  # fmt: skip
    told = figures.content.decode() + "".join(client.get(path).content.decode() for path in pages)
    assert secrets.found_in(told) == []


@pytest.mark.django_db
def test_a_webhook_that_cannot_be_reached_is_told_without_its_address(secrets: Secrets, adam: User) -> None:
    endpoint, _ = add_endpoint("Other", kind="slack", url=f"{NOWHERE}/other", actor=adam.actor)
    outcome = try_endpoint(endpoint, actor=adam.actor)
    assert not outcome.ok
    assert secrets.found_in(f"{outcome} {list(AuditEvent.objects.values())}") == []
