"""A portal as small as the protocol allows: one authority, one signer, one device, held in memory."""

import base64
import hashlib
import json
import socketserver
import ssl
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from soc_agent.envelope import seal
from soc_agent.identity import fingerprint, raw_public, request_text
from soc_agent.orders import COMMAND, DESIRED
from soc_agent.release import RELEASE, code_text
from soc_agent.rotation import rotation_text
from soc_agent.trust import KEYS, public_key


def certificate(folder: Path, *names: str, address: str = "127.0.0.1") -> tuple[Path, Path, Path]:
    """An authority, and a certificate of the address and the names by it: authority, chain, key."""
    now = datetime.now(UTC)
    own, its = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])

    def made(subject: x509.Name, public: Any, *extensions: tuple[x509.ExtensionType, bool]) -> x509.Certificate:
        builder = x509.CertificateBuilder(name, subject, public, x509.random_serial_number(), now,
                                          now + timedelta(days=1))  # fmt: skip
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(own, hashes.SHA256())

    authority = made(name, own.public_key(), (x509.BasicConstraints(True, None), True),
                     (x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False))  # fmt: skip
    leaf = made(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portal")]), its.public_key(),
                (x509.SubjectAlternativeName([x509.IPAddress(ip_address(address)), *map(x509.DNSName, names)]),
                 False),
                (x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key()), False))  # fmt: skip
    paths = folder / "authority.pem", folder / "chain.pem", folder / "key.pem"
    paths[0].write_bytes(authority.public_bytes(Encoding.PEM))
    paths[1].write_bytes(leaf.public_bytes(Encoding.PEM))
    paths[2].write_bytes(its.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


class _Server(ThreadingHTTPServer):
    """Asks nobody for its own name, and is not upset by who hangs up."""

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)
        self.server_port = self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Denied(Exception):
    """What the portal does not do, as it says it."""

    def __init__(self, message: str, status: int = 401, **value: Any) -> None:
        super().__init__(message)
        self.status, self.value = status, {"message": message, **value}


def command_id(envelope: dict[str, Any]) -> str:
    return str(json.loads(base64.b64decode(envelope["payload"]))["id"])


def handler_of(portal: "SmallPortal") -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            self.request.settimeout(portal.patience_s)
            super().setup()

        def finish(self) -> None:
            super().finish()
            self.request.close()
            portal.left += 1

        def do_GET(self) -> None:
            if self.path == "/agent/v1/authority":
                self._give(200, portal.authority.read_bytes())
            else:
                self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            try:
                found = portal.answer(self, body)
                self._give(200, found if isinstance(found, bytes) else json.dumps(found).encode())
            except Denied as denied:
                portal.refused.append(denied.value["message"])
                self._give(denied.status, json.dumps(denied.value).encode())

        do_PUT = do_POST  # noqa: N815 - the name that is looked for

        def _give(self, status: int, content: bytes) -> None:
            with suppress(OSError):  # who asked may be gone
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_words: Any) -> None:
            pass

    return Handler


class SmallPortal:
    """`commands` and `desired` go out at the next poll; `results` and `statuses` are what came."""

    SECRET = "soce_" + "x" * 30

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self.address = address
        self.authority, chain, key = certificate(folder, address=address)
        self.root, self.signer = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.device = ""
        self.device_key: Any = None
        self.commands: list[dict[str, Any]] = []
        self._standing: list[dict[str, Any]] = []
        self.desired: dict[str, Any] | None = None
        self.results: dict[str, dict[str, Any]] = {}
        self.statuses: list[dict[str, Any]] = []
        self.files: dict[str, bytearray] = {}
        self.files_may_come = threading.Event()
        self.files_may_come.set()
        self.refuse_files = ""
        self.cut_after: int | None = None
        self.announced: list[dict[str, Any]] = []
        self.answers_to_lose = 0
        self._lost: dict[int, list[dict[str, Any]]] = {}
        self.refused: list[str] = []
        self.library: dict[str, bytes] = {}
        self.lists: dict[str, dict[str, Any]] = {}
        self.alerts: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []
        self.revoked = self.rotate = False
        self.clock_off, self.hold_s = 0.0, 0.2
        self.patience_s: float | None = None
        self.left = 0
        self._acknowledge: list[str] = []
        self._news = threading.Condition()
        self._server = _Server((address, 0), handler_of(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self._server.server_port}"

    @property
    def token(self) -> str:
        der = ssl.PEM_cert_to_DER_cert(self.authority.read_text())
        return f"{self.SECRET}.{hashlib.sha256(der).hexdigest()}.{fingerprint(self.root.public_key())}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> dict[str, Any] | bytes:
        path = request.path.partition("?")[0]
        if path == "/agent/v1/enrol":
            return self._enrol(json.loads(body))
        self._check(request, body)
        word, _, digest = path.removeprefix("/agent/v1/").partition("/")
        if word == "artefacts":
            return self._keep(request, digest, body)
        if request.command == "GET":
            kept: Any = (self.library if word == "library" else self.lists).get(digest)
            if kept is None:
                raise Denied("there is none", 404, code="not_found")
            return kept
        words = {"poll": self._poll, "rotate": self._rotate, "progress": self._hear, "alerts": self._take_alerts}
        return words[word](json.loads(body))

    def _take_alerts(self, value: dict[str, Any]) -> dict[str, Any]:
        self.alerts += value["alerts"]
        return {"taken": [one["id"] for one in value["alerts"]]}

    def _hear(self, value: dict[str, Any]) -> dict[str, Any]:
        self.said.append(value)
        return {}

    def _keep(self, request: BaseHTTPRequestHandler, digest: str, body: bytes) -> dict[str, Any]:
        kept = self.files.setdefault(digest, bytearray())
        if self.refuse_files:
            raise Denied("The portal takes none of it.", 400, code=self.refuse_files)
        if request.command == "POST":
            self.announced.append(json.loads(body))
        if request.command == "PUT":
            if self.cut_after is not None and len(kept) >= self.cut_after:
                self.cut_after = None
                raise ConnectionAbortedError
            assert self.files_may_come.wait(60)
            kept += body
        return {"received": len(kept)}

    def _check(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        parts = dict(part.split("=", 1) for part in rest.split(",")) if scheme == "SOC-Agent" else {}
        if parts.get("id") != self.device:
            raise Denied("another device")
        if self.revoked:
            raise Denied("revoked", 403, code="revoked")
        now = time.time() + self.clock_off
        if abs(int(parts["time"]) - now) > 300:
            raise Denied("the clocks differ", code="clock", time=now)
        signed = request_text(request.command, request.path, int(parts["time"]), parts["nonce"], body)
        try:
            self.device_key.verify(base64.b64decode(parts["signature"]), signed)
        except InvalidSignature:
            raise Denied("another key") from None

    def _rotate(self, value: dict[str, Any]) -> dict[str, Any]:
        new = public_key(value["public_key"])
        text = rotation_text(self.device, value["public_key"])
        for key, proof in ((self.device_key, value["proof_old"]), (new, value["proof_new"])):
            key.verify(base64.b64decode(proof), text)
        self.device_key, self.rotate = new, False
        return {}

    def _enrol(self, value: dict[str, Any]) -> dict[str, Any]:
        if value["token"] != self.SECRET:
            raise Denied("the token is not known")
        self.device_key = public_key(value["public_key"])
        self.device = fingerprint(self.device_key)
        root = base64.b64encode(raw_public(self.root.public_key())).decode()
        return {"state": "approved", "device_id": self.device, "root_key": root, "keys": self.keys()}

    def keys(self, version: int = 1) -> dict[str, Any]:
        key = base64.b64encode(raw_public(self.signer.public_key())).decode()
        value = {"version": version, "keys": [{"key": key, "not_after": time.time() + 3600}]}
        return seal(KEYS, json.dumps(value).encode(), {fingerprint(self.root.public_key()): self.root})

    def _poll(self, report: dict[str, Any]) -> dict[str, Any]:
        status = report["status"]
        with self._news:
            self.statuses.append(status)
            for one in status["results"]:
                self.results.setdefault(one["id"], one)
                self._acknowledge.append(one["id"])
            self._news.notify_all()
            for number in status["lost"]:
                self.commands += self._lost.pop(number, [])
            held = report.get("hold_s", self.hold_s)
            if held and not (self.commands or self.desired or self._acknowledge or self.rotate):
                self._news.wait(held)
            open_still = [one for one in self._standing if command_id(one) not in self.results]
            answer = {"commands": self.commands + open_still, "desired": self.desired, "rotate": self.rotate,
                      "acknowledged": self._acknowledge, "time": time.time() + self.clock_off}  # fmt: skip
            if self.commands and self.answers_to_lose:
                self.answers_to_lose -= 1
                self._lost[status["sequence"]], self.commands = self.commands, []
                raise ConnectionAbortedError
            self.commands, self.desired, self._acknowledge = [], None, []
        return answer

    def order(
        self, name: str, action: str, arguments: dict[str, Any], effect: str = "once", at: float = 0
    ) -> dict[str, Any]:
        now = at or time.time()
        value = {"id": name, "device": self.device, "action": action, "arguments": arguments, "effect": effect,
                 "not_before": now - 1, "expires": now + 60, "run_s": 120}  # fmt: skip
        envelope = self._sealed(COMMAND, value)
        with self._news:
            self.commands.append(envelope)
            self._news.notify_all()
        return envelope

    def again(self, orders: list[dict[str, Any]]) -> None:
        """Hand them out with every answer until their outcome is here, as a portal does: who asked may be gone."""
        with self._news:
            self._standing = orders
            self._news.notify_all()

    def want(self, generation: int, facets: dict[str, Any]) -> None:
        value = {"device": self.device, "generation": generation, "facets": facets}
        with self._news:
            self.desired = self._sealed(DESIRED, value)
            self._news.notify_all()

    def release_code(self, name: str = "r1", **fields: Any) -> str:
        value = {"device": self.device, "id": name, "expires": time.time() + 3600, "facet": "network", **fields}
        return code_text(self._sealed(RELEASE, value))

    def _sealed(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        return seal(kind, json.dumps(value).encode(), {fingerprint(self.signer.public_key()): self.signer})

    def result(self, name: str, within: float = 30) -> dict[str, Any]:
        with self._news:
            assert self._news.wait_for(lambda: name in self.results, within), f"no answer to {name}"
            return self.results[name]

    def status_where(self, wanted: Any, within: float = 30) -> dict[str, Any]:
        with self._news:
            found = self._news.wait_for(lambda: next((one for one in self.statuses[::-1] if wanted(one)), None), within)
            assert found, self.statuses[-1:]
            return dict(found)
