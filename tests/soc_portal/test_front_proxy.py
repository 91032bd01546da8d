"""The production shape's front proxy, for real: what it hands on, what it stops, and who is believed."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import ssl
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.test import Client

from accounts.models import User
from core.live import CHANNEL
from core.models import AuditEvent
from soc_portal.up.processes import Child, wait_until
from tests.factories.api import caller
from tests.factories.people import sign_in
from tests.factories.wire import wazuh_alert
from tests.house.source_tree import ROOT
from tests.running_portal import free_port, running_portal
from tests.soc_portal.made_certificates import Issuer

pytestmark = pytest.mark.slow
# The proxy calls from an address of its own, so that the portal can tell it from everybody else on this machine.
OF_PROXY = "127.0.0.2"
NAME = "portal.example.org"
CONFIGURATION = """
daemon off; {user} pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 128; }}
http {{
    access_log off; default_type application/octet-stream;
    types {{ text/css css; text/javascript js; image/svg+xml svg; }}
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/zones.conf;
    upstream web {{ server {portal}; }}
    upstream live {{ server {portal}; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        proxy_bind {source};
        ssl_certificate {certificate}; ssl_certificate_key {key};
        include {folder}/server.inc;
    }}
}}
"""


def find_nginx() -> str:
    found = os.environ.get("SOC_NGINX") or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found:
        return found
    reason = "no nginx found: apt-get install nginx, or name one in SOC_NGINX"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class Front:
    port: int
    portal: str
    context: ssl.SSLContext

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        with contextlib.closing(self.connection()) as connection:
            said = {"Host": NAME} | {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, said)
            answer = connection.getresponse()
            return answer, answer.read()

    def connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.port, timeout=20, context=self.context)

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/proxy-is-up")[0].status == 204
        except OSError:
            return False


@pytest.fixture
def front(transactional_db: None, tmp_path: Path) -> Iterator[Front]:
    program, root, port = find_nginx(), Issuer(), free_port()
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "app.css").write_text("body {}")
    certificate, key = root.issue(tmp_path, "localhost")
    public = {"SOC_PUBLIC_URL": f"https://{NAME}", "SOC_ALLOWED_HOSTS": f"{NAME},127.0.0.1"}
    public["SOC_TRUSTED_PROXIES"] = OF_PROXY
    with running_portal(tmp_path, public) as portal:
        write_configuration(tmp_path, port=port, portal=portal, certificate=certificate, key=key)
        nginx = Child("nginx", [program, "-c", tmp_path / "nginx.conf", "-p", tmp_path], log=tmp_path / "nginx.log")
        front = Front(port, portal, ssl.create_default_context(cadata=pem(root.certificate)))
        nginx.start()
        try:
            assert wait_until(front.answers, seconds=20, pause=0.2), nginx.last_lines()
            yield front
        finally:
            nginx.stop([(signal.SIGTERM, 5.0)])


def pem(certificate: x509.Certificate) -> str:
    return ssl.DER_cert_to_PEM_cert(certificate.public_bytes(Encoding.DER))


def write_configuration(folder: Path, *, port: int, portal: str, certificate: Path, key: Path) -> None:
    """The shipped rules, with the addresses of this test around them."""
    for name in ("zones.conf", "server.inc"):
        text = (ROOT / "deploy/nginx" / name).read_text()
        (folder / name).write_text(text.replace("/srv/static/", f"{folder}/static/"))
    words: dict[str, object] = {
        "folder": folder,
        "port": port,
        "portal": portal.removeprefix("http://"),
        "source": OF_PROXY,
    }
    # Started by root it would change to a user who may not enter this folder.
    words["user"] = "user root;" if os.geteuid() == 0 else ""
    text = CONFIGURATION.format(**words, certificate=certificate, key=key)
    (folder / "nginx.conf").write_text(text)


def fail_to_sign_in(front: Front, **headers: str) -> int:
    page, body = front.ask("GET", "/accounts/login/")
    token = body.decode().partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    form = urllib.parse.urlencode({"csrfmiddlewaretoken": token, "login": "rita", "password": "wrong"}).encode()
    more = {"Cookie": cookie, "Content_Type": "application/x-www-form-urlencoded",
            "Referer": f"https://{NAME}/", **headers}  # fmt: skip
    return front.ask("POST", "/accounts/login/", form, **more)[0].status


def test_pages_and_files_bring_their_headers_once(front: Front) -> None:
    page, _ = front.ask("GET", "/accounts/login/")
    assert page.status == 200
    assert page.headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]
    assert page.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert page.headers["Set-Cookie"].startswith("__Host-soc_csrf=")
    assert page.headers["Server"] == "nginx", "no version"
    file, body = front.ask("GET", "/static/app.css")
    assert (file.status, body, file.headers["Content-Type"]) == (200, b"body {}", "text/css")
    assert file.headers["Strict-Transport-Security"]
    assert front.ask("GET", "/static/../nginx.conf")[0].status in {400, 404}


def test_the_id_of_a_request_is_the_proxys_and_a_claimed_one_is_nobodys(front: Front) -> None:
    claimed = "claimed-by-a-client-0001"
    answer, _ = front.ask("GET", "/accounts/login/", X_Request_ID=claimed)
    assert answer.headers["X-Request-ID"] != claimed
    assert len(answer.headers["X-Request-ID"]) == 32


def test_claims_of_a_client_reach_nobody(front: Front, rita: User) -> None:
    """Neither through the proxy nor past it does a header change whom the history names."""
    claims = {"X_Forwarded_For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X_Real_IP": "203.0.113.9"}
    assert fail_to_sign_in(front, **claims, X_Forwarded_Host="evil.example") == 200
    addresses = [row.data["address"] for row in AuditEvent.objects.filter(verb="user.sign_in_failed")]
    assert addresses == ["127.0.0.1"]
    past = http.client.HTTPConnection(front.portal.removeprefix("http://"), timeout=20)
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Request-ID": "claimed-by-a-client"}
    with contextlib.closing(past):
        past.request("GET", "/accounts/login/", headers=headers)
        answer = past.getresponse()
        assert answer.status == 200, "the host that was claimed is not even looked at"
        assert "Strict-Transport-Security" not in answer.headers
        assert answer.headers["X-Request-ID"] != "claimed-by-a-client"


def test_large_bodies_stop_at_the_front_except_at_the_ingest_door(front: Front, adam: User) -> None:
    large = b"x" * (4 * 1024 * 1024)
    assert front.ask("POST", "/accounts/login/", large)[0].status == 413
    alerts = json.dumps([wazuh_alert(), *["x" * 100_000] * 40]).encode()
    assert len(alerts) > 3 * 1024 * 1024
    token = caller(adam).headers["Authorization"]
    answer, body = front.ask(
        "POST", "/api/v1/ingest/wazuh", alerts, Authorization=token, Content_Type="application/json"
    )
    assert answer.status == 202, body
    assert json.loads(body)["accepted"] == 1


def test_live_updates_arrive_at_once(front: Front, ada: User) -> None:
    """Buffered, the first line would wait for the thousandth."""
    session = sign_in(Client(), ada).cookies[settings.SESSION_COOKIE_NAME].value
    with contextlib.closing(front.connection()) as connection:
        connection.request("GET", "/live/", headers={"Cookie": f"__Host-soc_session={session}", "Host": NAME})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
        assert answer.readline() == b"event: open\n"
        message = {"topic": "incident.changed", "id": "7", "groups": None, "people": None}
        redis.Redis.from_url(settings.REDIS_URL).publish(CHANNEL, json.dumps(message))
        lines = [answer.readline() for _ in range(6)]
        assert b'data: {"topic": "incident.changed", "id": "7"}\n' in lines
