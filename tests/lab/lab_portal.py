"""A portal for the hosts of a lab: as small as the protocol allows, on a Unix socket, for several devices."""

import base64
import hashlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from soc_agent.envelope import seal
from soc_agent.identity import fingerprint, raw_public, request_text
from soc_agent.orders import DESIRED
from soc_agent.trust import KEYS, public_key
from soc_portal.lab.plan import PORTAL_NAME
from tests.agent.small_portal import certificate


class _OnASocket(ThreadingHTTPServer):
    address_family = socket.AF_UNIX
    daemon_threads = True

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)

    def get_request(self) -> tuple[Any, Any]:
        request, _address = super().get_request()
        return request, ("lab", 0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Hosts are killed in the middle of a sentence; what went wrong otherwise shows in what is missing."""


class LabPortal:
    """`statuses`, `alerts` and `desired` are by device."""

    def __init__(self, folder: Path, path: Path) -> None:
        self.authority, chain, key = certificate(folder, PORTAL_NAME)
        self.root, self.signer = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.secrets: dict[str, str] = {}
        self.keys_of: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self.statuses: dict[str, list[dict[str, Any]]] = {}
        self.alerts: dict[str, list[dict[str, Any]]] = {}
        self.taking_alerts, self.turned_away = True, 0
        self._desired: dict[str, dict[str, Any]] = {}
        self._news = threading.Condition()
        portal = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._give(200, portal.authority.read_bytes())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    self._give(200, json.dumps(portal.answer(self, body)).encode())
                except PermissionError as error:
                    self._give(401, json.dumps({"message": str(error)}).encode())

            def _give(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_words: Any) -> None:
                pass

        self._server = _OnASocket(str(path), Handler)  # type: ignore[arg-type]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(self, name: str) -> str:
        secret = "soce_" + hashlib.sha256(name.encode()).hexdigest()[:40]
        self.secrets[secret] = name
        der = ssl.PEM_cert_to_DER_cert(self.authority.read_text())
        return f"{secret}.{hashlib.sha256(der).hexdigest()}.{fingerprint(self.root.public_key())}"

    def device(self, name: str) -> str:
        return next(device for device, given in self.names.items() if given == name)

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> dict[str, Any]:
        value = json.loads(body)
        if request.path == "/agent/v1/enrol":
            return self._enrol(value)
        device = self._sender(request, body)
        if request.path == "/agent/v1/alerts":
            return self._take_alerts(device, value["alerts"])
        return self._poll(device, value["status"])

    def _sender(self, request: BaseHTTPRequestHandler, body: bytes) -> str:
        _scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        parts = dict(part.split("=", 1) for part in rest.split(","))
        if parts["id"] not in self.keys_of:
            raise PermissionError("another device")
        signed = request_text(request.command, request.path, int(parts["time"]), parts["nonce"], body)
        self.keys_of[parts["id"]].verify(base64.b64decode(parts["signature"]), signed)
        return parts["id"]

    def _enrol(self, value: dict[str, Any]) -> dict[str, Any]:
        name = self.secrets.pop(value["token"], "")
        if not name:
            raise PermissionError("the token is not known")
        key = public_key(value["public_key"])
        device = fingerprint(key)
        self.keys_of[device], self.names[device], self.statuses[device] = key, name, []
        self.alerts[device] = []
        root = base64.b64encode(raw_public(self.root.public_key())).decode()
        own = base64.b64encode(raw_public(self.signer.public_key())).decode()
        keys = {"version": 1, "keys": [{"key": own, "not_after": time.time() + 3600}]}
        sealed = seal(KEYS, json.dumps(keys).encode(), {fingerprint(self.root.public_key()): self.root})
        return {"state": "approved", "device_id": device, "root_key": root, "keys": sealed}

    def _take_alerts(self, device: str, alerts: list[dict[str, Any]]) -> dict[str, Any]:
        if not self.taking_alerts:
            self.turned_away += 1
            raise PermissionError("not now")
        with self._news:
            self.alerts[device] += alerts
            self._news.notify_all()
        return {"taken": [one["id"] for one in alerts]}

    def _poll(self, device: str, status: dict[str, Any]) -> dict[str, Any]:
        with self._news:
            self.statuses[device].append(status)
            self._news.notify_all()
            self._news.wait_for(lambda: device in self._desired, 1.0)
            return {"commands": [], "desired": self._desired.pop(device, None),
                    "acknowledged": [one["id"] for one in status["results"]]}  # fmt: skip

    def want(self, name: str, generation: int, facets: dict[str, Any]) -> None:
        device = self.device(name)
        value = {"device": device, "generation": generation, "facets": facets}
        with self._news:
            self._desired[device] = seal(DESIRED, json.dumps(value).encode(),
                                         {fingerprint(self.signer.public_key()): self.signer})  # fmt: skip
            self._news.notify_all()

    def status_where(self, name: str, wanted: Callable[[dict[str, Any]], bool], within: float = 20) -> dict[str, Any]:
        device = self.device(name)
        return self._first(lambda: self.statuses[device][::-1], wanted, within)

    def alert_of(self, name: str, rule: str, within: float = 15, about: str = "") -> dict[str, Any]:
        device = self.device(name)
        return self._first(lambda: self.alerts[device],
                           lambda one: one["rule"]["id"] == rule and about in str(one), within)  # fmt: skip

    def _first(self, listed: Callable[[], list[Any]], wanted: Callable[[Any], bool], within: float) -> dict[str, Any]:
        with self._news:
            found = self._news.wait_for(lambda: next(filter(wanted, listed()), None), within)
            assert found, listed()[:3]
            return dict(found)
