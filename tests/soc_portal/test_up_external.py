"""A portal on servers that somebody else runs: one ordinary role that owns an empty database, and a broker."""

import json
import signal
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_portal.up.servers import Addresses, scratch_servers
from tests.factories.wire import device, graph_alert
from tests.started_portal import StartedPortal

pytestmark = pytest.mark.slow


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Addresses]:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    with scratch_servers() as pair:
        yield pair


def open_url(request: "str | urllib.request.Request") -> bytes:
    with urllib.request.urlopen(request, timeout=10) as answer:
        body: bytes = answer.read()
        return body


def test_it_starts_takes_alerts_in_and_stops(servers: Addresses) -> None:
    named = {"DATABASE_URL": servers.owner_url, "REDIS_URL": servers.redis_url}
    with tempfile.TemporaryDirectory(prefix="soc-up-") as folder:
        portal = StartedPortal(Path(folder) / "data", servers=named)
        portal.start()
        try:
            assert b"Sign in" in open_url(f"{portal.url}/accounts/login/")
            secret = portal.run("token", "feed", "--role", "ingest").stdout.strip()
            body = json.dumps(graph_alert(device())).encode()
            headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
            request = urllib.request.Request(f"{portal.url}/api/v1/ingest/graph", body, headers)
            assert json.loads(open_url(request))["accepted"] == 1
            assert {name.partition("-")[0] for name in portal.children()}.isdisjoint({"postgres", "valkey"})
            assert not (portal.data / "postgres").exists()
        finally:
            assert portal.end(signal.SIGTERM) < 10


def test_a_server_that_refuses_is_one_clear_line(tmp_path: Path) -> None:
    nowhere = {"DATABASE_URL": "postgres://soc:secret-word@127.0.0.1:9/soc", "REDIS_URL": "redis://127.0.0.1:9/0"}
    portal = StartedPortal(tmp_path / "data", servers=nowhere)
    refused = portal.run("up", f"--port={portal.port}", "--no-demo")
    assert refused.returncode != 0
    assert "cannot be reached" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "secret-word" not in refused.stderr
