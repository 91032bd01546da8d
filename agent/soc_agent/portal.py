"""Speaking with the portal: outbound only, over TLS with the portal's own authority pinned, every request signed."""

import http.client
import json
import random
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from soc_agent import __version__
from soc_agent.identity import Identity

# The portal holds a poll for about a minute; an answer that takes longer is a lost connection.
HOLD_S, ANSWER_S = 60.0, 90.0
MAX_ANSWER, MAX_ERROR = 12 * 1024 * 1024, 64 * 1024
PART = 4 * 1024 * 1024
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 120.0


class PortalError(Exception):
    """No answer, or one that is none. `code` is the HTTP status, 0 without one; `reason` is the portal's word for
    programs (`revoked`, `clock`, ...), `time` its clock when it says it."""

    def __init__(self, message: str, code: int = 0, reason: str = "", at: float | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.time = code, reason, at


def pause_after(failures: int, *, longest: float = LONGEST_PAUSE_S) -> float:
    """Seconds until the next try: longer with each failure, and never in step with other devices."""
    most = min(longest, FIRST_PAUSE_S * 2 ** min(failures, 16))
    return random.uniform(most / 2, most)  # noqa: S311 - no secret, only not all at once


@dataclass(slots=True)
class Signer:
    """Who signs, and how far the portal's clock is from this host's: one for all connections."""

    identity: Identity
    clock_s: float = 0.0

    def header(self, method: str, path: str, body: bytes) -> str:
        return self.identity.authorization(method, path, body, moment=int(time.time() + self.clock_s))


@dataclass(slots=True)
class Portal:
    """One portal at a fixed address: names are not asked for, so an isolated host needs no resolver. `authority` is
    the only one that may vouch for it."""

    url: str
    addresses: tuple[tuple[str, int], ...]
    authority: Path
    signer: Signer
    _connection: http.client.HTTPSConnection | None = None

    def twin(self) -> "Portal":
        """The same portal over a connection of its own."""
        return Portal(self.url, self.addresses, self.authority, self.signer)

    def ask(
        self, method: str, path: str, value: Mapping[str, Any], sent: Callable[[], None] | None = None
    ) -> dict[str, Any]:
        """JSON there, JSON back; `sent` is called when the request has left. Raises `PortalError`."""
        return _object(self.send(method, path, json.dumps(value).encode(), "application/json", sent))

    def get(self, path: str) -> dict[str, Any]:
        """JSON from there; raises `PortalError`."""
        return _object(self.send("GET", path, b"", "application/json"))

    def send(
        self, method: str, path: str, body: bytes, media_type: str, sent: Callable[[], None] | None = None
    ) -> bytes:
        """Raises `PortalError`; the connection is kept for the next request. A portal that says that the clocks differ
        is asked again with its time: it alone decides by it, the helper goes by the clock of the host."""
        try:
            return self._send(method, path, body, media_type, sent)
        except PortalError as error:
            if error.reason != "clock" or error.time is None:
                raise
            self.signer.clock_s = error.time - time.time()
            return self._send(method, path, body, media_type, sent)

    def download(self, path: str, target: Path, limit: int) -> None:
        """Into a new file; raises `PortalError` or `OSError`, and leaves none then."""
        target.unlink(missing_ok=True)
        try:
            response = self._asked("GET", path, b"", "application/octet-stream", None)
            size = 0
            with target.open("xb") as file:
                while (part := response.read(PART)) and size <= limit:
                    size += len(part)
                    file.write(part)
            if size > limit:
                self.close()
            target.chmod(0o640)
        except BaseException as error:
            self.close()
            target.unlink(missing_ok=True)
            if isinstance(error, http.client.HTTPException):
                raise PortalError(f"{type(error).__name__}: {error}"[:300]) from None
            raise

    def reachable(self, within_s: float) -> bool:
        """Whether any of its addresses takes a connection."""
        for address in self.addresses:
            try:
                socket.create_connection(address, timeout=within_s).close()
            except OSError:
                continue
            return True
        return False

    def _asked(
        self, method: str, path: str, body: bytes, media_type: str, sent: Callable[[], None] | None
    ) -> http.client.HTTPResponse:
        """The answer's head, with success; raises `PortalError`."""
        headers = {
            "Authorization": self.signer.header(method, path, body),
            "Content-Type": media_type,
            "User-Agent": f"soc-agent/{__version__}",
        }
        try:
            connection = self._opened()
            connection.request(method, path, body or None, headers)
            if sent is not None:
                sent()
            response = connection.getresponse()
            if response.status < 300:
                return response
            content = response.read(MAX_ERROR)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise PortalError(f"{type(error).__name__}: {error}"[:300]) from None
        if not response.isclosed():
            self.close()
        raise _failure(response.status, content)

    def _send(self, method: str, path: str, body: bytes, media_type: str, sent: Callable[[], None] | None) -> bytes:
        response = self._asked(method, path, body, media_type, sent)
        try:
            content = response.read(MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise PortalError(f"{type(error).__name__}: {error}"[:300]) from None
        if len(content) > MAX_ANSWER:
            self.close()
            raise PortalError("The portal's answer is larger than any.")
        return content

    def upload(self, artefact: Mapping[str, Any], folder: Path) -> None:
        """In parts, going on where the portal says that it is; raises `PortalError` or `OSError`."""
        digest, size = str(artefact["sha256"]), int(artefact["size"])
        path = f"/agent/v1/artefacts/{digest}"
        place = int(self.ask("POST", path, dict(artefact)).get("received", 0))
        with (folder / digest).open("rb") as file:
            while place < size:
                file.seek(place)
                answer = self.send("PUT", f"{path}?offset={place}", file.read(PART), "application/octet-stream")
                received = int(json.loads(answer).get("received", -1))
                if received <= place:
                    raise PortalError("The portal takes no more of the file.")
                place = received

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> http.client.HTTPSConnection:
        if self._connection is not None and _was_left(self._connection):
            self.close()
        if self._connection is None:
            self._connection = _Pinned(self.url, self.addresses, context_for(self.authority))
        return self._connection


def _was_left(connection: http.client.HTTPSConnection) -> bool:
    """Whether the portal closed it while nothing was asked: something to read before a question is its farewell."""
    if connection.sock is None:
        return False
    looked = select.poll()
    looked.register(connection.sock, select.POLLIN)
    return bool(looked.poll(0))


def context_for(authority: Path) -> ssl.SSLContext:
    """Trusts this one authority, nothing that the system trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(authority)
    return context


class _Pinned(http.client.HTTPSConnection):
    """Goes to the known addresses, one after the other, and checks the name of the URL."""

    def __init__(self, url: str, addresses: tuple[tuple[str, int], ...], context: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        super().__init__(parts.hostname or "", parts.port or 443, timeout=ANSWER_S, context=context)
        self._addresses, self._tls = addresses, context

    def connect(self) -> None:
        problem: OSError = OSError("no address of the portal is known")
        for address in self._addresses:
            try:
                plain = socket.create_connection(address, timeout=20)
            except OSError as error:
                problem = error
                continue
            plain.settimeout(ANSWER_S)
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
            return
        raise problem


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise PortalError("The portal answered no JSON.") from None
    if not isinstance(found, dict):
        raise PortalError("The portal answered no JSON object.")
    return found


def _failure(status: int, content: bytes) -> PortalError:
    try:
        value = _object(content)
    except PortalError:
        return PortalError(f"HTTP {status}", status)
    at = value.get("time")
    return PortalError(
        str(value.get("message") or value.get("detail") or f"HTTP {status}")[:300], status,
        str(value.get("code", ""))[:80], at if isinstance(at, int | float) and not isinstance(at, bool) else None,
    )  # fmt: skip
