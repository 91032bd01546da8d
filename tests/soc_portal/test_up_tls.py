"""A whole portal over TLS, asked by a client that trusts its authority and nothing else."""

import contextlib
import http.client
import json
import os
import signal
import ssl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.test import Client

from accounts.models import User
from core.live import CHANNEL
from soc_portal.up import portal as portal_of_up
from soc_portal.up.agents import AgentLine
from soc_portal.up.authority import Authority
from soc_portal.up.data_folder import DataFolder
from soc_portal.up.probe import ask_health
from soc_portal.up.processes import Child, wait_until
from tests.factories.people import sign_in
from tests.running_portal import database_url_of_this_test, free_port
from tests.soc_portal.made_certificates import Issuer
from tests.started_portal import StartedPortal

pytestmark = pytest.mark.slow


def reached(port: int, trusted: Path | ssl.SSLContext, name: str = "127.0.0.1") -> http.client.HTTPSConnection:
    context = trusted if isinstance(trusted, ssl.SSLContext) else ssl.create_default_context(cafile=trusted)
    connection = http.client.HTTPSConnection(name, port, timeout=20, context=context)
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return connection


def serial_at(port: int, trusted: Path | ssl.SSLContext, name: str = "127.0.0.1") -> int:
    with contextlib.closing(reached(port, trusted, name)) as connection:
        return serial(connection)


def serial(connection: http.client.HTTPSConnection) -> int:
    assert isinstance(connection.sock, ssl.SSLSocket)
    found = connection.sock.getpeercert(binary_form=True)
    assert found is not None
    return x509.load_der_x509_certificate(found).serial_number


def status(connection: http.client.HTTPSConnection, path: str) -> int:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="soc-tls-") as name:
        yield Path(name)


def test_a_portal_with_an_authority_of_its_own(folder: Path) -> None:
    portal = StartedPortal(folder / "data", words=["--tls"])
    portal.start()
    try:
        trusted = folder / "data" / "tls" / "ca.pem"
        assert f"vouched for by {trusted}" in portal.output
        connection = reached(portal.port, trusted)
        connection.request("GET", "/accounts/login/")
        answer = connection.getresponse()
        assert b"Sign in" in answer.read()
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-soc_csrf=")
        assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert ask_health(portal.port, trusted.with_name("portal.pem")) == ""
        assert ask_health(portal.port, trusted) != "", "another certificate is not taken for the portal's"
        assert ask_health(portal.port) != "", "nothing is served without TLS"
        refuse_strangers(portal.port)
        renew_without_dropping(portal.port, connection, folder / "data" / "tls")
        connection.close()
    finally:
        portal.end(signal.SIGTERM)


def refuse_strangers(port: int) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        reached(port, ssl.create_default_context())


def renew_without_dropping(port: int, before: http.client.HTTPSConnection, tls: Path) -> None:
    (tls / "portal.pem").unlink()
    assert Authority(tls).ensure(()) is True
    assert wait_until(lambda: serial_at(port, tls / "ca.pem") != serial(before), seconds=15, pause=0.3)
    assert status(before, "/accounts/login/") == 200, "the connection of before still serves"


def test_a_portal_with_a_given_certificate_reads_it_again_when_it_changes(folder: Path) -> None:
    root = Issuer()
    certificate, key = root.issue(folder, "localhost")
    words = ["--tls", f"--tls-cert={certificate}", f"--tls-key={key}"]
    portal = StartedPortal(folder / "data", words=words, host="localhost")
    portal.start()
    try:
        context = ssl.create_default_context(cadata=root.certificate.public_bytes(Encoding.PEM).decode())
        first = serial_at(portal.port, context, "localhost")
        root.issue(folder, "localhost")
        assert wait_until(lambda: serial_at(portal.port, context, "localhost") != first, seconds=15, pause=0.3), (
            portal.last_lines()
        )
        told = portal.run("doctor", "--json").stdout
        assert f"{certificate} ends on" in told
        assert f"{portal.url} answers and is healthy" in told
        with contextlib.closing(reached(portal.port, context, "localhost")) as connection:
            connection.request("GET", "/accounts/login/")
            assert "Strict-Transport-Security" not in connection.getresponse().headers, "localhost has other ports"
    finally:
        portal.end(signal.SIGTERM)


def test_live_updates_come_over_tls(ada: User, transactional_db: None, folder: Path) -> None:
    authority, port = Authority(folder / "tls"), free_port()
    authority.ensure(())
    words = [f"--port={port}", f"--certificate={authority.certificate_file}", f"--key={authority.portal_key_file}"]
    env = {**os.environ, "DATABASE_URL": database_url_of_this_test(), "SOC_PUBLIC_URL": f"https://127.0.0.1:{port}"}
    web = Child("web", [sys.executable, "-P", "-m", "soc_portal.up.web", *words], env=env, log=folder / "web.log")
    web.start()
    try:
        told = authority.certificate_file
        assert wait_until(lambda: ask_health(port, told).startswith("{"), seconds=60, pause=0.3), web.last_lines()
        session = sign_in(Client(), ada).cookies[settings.SESSION_COOKIE_NAME].value
        with contextlib.closing(reached(port, authority.file)) as connection:
            connection.request("GET", "/live/", headers={"Cookie": f"__Host-soc_session={session}"})
            answer = connection.getresponse()
            assert (answer.status, answer.readline()) == (200, b"event: open\n")
            message = {"topic": "incident.changed", "id": "7", "groups": None, "people": None}
            redis.Redis.from_url(settings.REDIS_URL).publish(CHANNEL, json.dumps(message))
            assert b'data: {"topic": "incident.changed", "id": "7"}\n' in [answer.readline() for _ in range(6)]
    finally:
        web.stop([(signal.SIGTERM, 5.0)])


def test_a_pair_that_cannot_be_served_is_one_line_and_makes_no_servers(folder: Path) -> None:
    certificate, key = Issuer().issue(folder, "localhost")
    key.chmod(0o644)
    answer = StartedPortal(folder / "data").run("up", "--tls", f"--tls-cert={certificate}", f"--tls-key={key}")
    assert answer.returncode == 1
    assert answer.stderr == f"soc: others on this machine can read or change the key {key}: chmod 600 {key}\n"
    assert not list((folder / "data").glob("postgres*"))


def test_logs_that_grow_are_shortened_while_they_are_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataFolder(folder / "data")
    data.make()
    monkeypatch.setattr(portal_of_up, "_LARGEST_LOG", 1000)
    running = portal_of_up.Portal(data, port=1, demo=False, agents=AgentLine(data, 2))
    with (data.logs / "web.log").open("ab", buffering=0) as writer:
        writer.write(b"x" * 1500)
        running.look_after()
        writer.write(b"after")
    assert (data.logs / "web.log").read_bytes() == b"after"
    assert (data.logs / "web.log.1").stat().st_size == 1500
