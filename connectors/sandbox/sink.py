"""The network that a sample finds: every name is known, every address answers, and nothing leaves the machine.

Names get addresses of the range for benchmarks, one each, so that a connection tells which name was meant.
"""

import contextlib
import ipaddress
import socket
import struct
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from connectors.sandbox.text import shown

DNS_PORT, TCP_PORT, UDP_PORT = 53, 9_999, 9_998
KEPT = 4_096
WAIT_S = 1.0
_FIRST = int(ipaddress.IPv4Address("198.18.0.10"))
_MOST_NAMES = 2_000
_SO_ORIGINAL_DST = 80
_METHODS = (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"CONNECT ", b"DELETE ", b"PATCH ")
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"


@dataclass(slots=True)
class Seen:
    """What came: names that were asked for, and connections with the first bytes that they sent."""

    most: int
    names: dict[str, str] = field(default_factory=dict)
    connections: list[dict[str, Any]] = field(default_factory=list)
    more: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def address_for(self, name: str) -> str:
        with self.lock:
            if name not in self.names:
                if len(self.names) >= _MOST_NAMES:
                    return "198.18.0.9"
                self.names[name] = str(ipaddress.IPv4Address(_FIRST + len(self.names)))
            return self.names[name]

    def add(self, connection: "Heard") -> None:
        with self.lock:
            if len(self.connections) < self.most:
                self.connections.append(asdict(connection))
            else:
                self.more += 1


@dataclass(frozen=True, slots=True)
class Heard:
    """One connection. `kind` is http, tls, raw or silent."""

    address: str
    port: int
    kind: str
    summary: str = ""
    host: str = ""
    bytes: int = 0


def open_sockets() -> tuple[list[socket.socket], list[socket.socket]]:
    """Names (UDP) and everything else (TCP). Answers must come from the very address that was redirected to."""
    names, taking = [], []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError):  # a kernel without IPv6
            asked = socket.socket(family, socket.SOCK_DGRAM)
            asked.bind((address, DNS_PORT))
            other = socket.socket(family, socket.SOCK_DGRAM)
            other.bind((address, UDP_PORT))
            waiting = socket.socket(family, socket.SOCK_STREAM)
            waiting.bind((address, TCP_PORT))
            waiting.listen(64)
            names.append(asked)
            taking.append(waiting)
            threading.Thread(target=_swallow, args=(other,), daemon=True).start()
    return names, taking


def serve(seen: Seen) -> None:
    """Until the process ends."""
    names, taking = open_sockets()
    for one in names:
        threading.Thread(target=_answer_names, args=(one, seen), daemon=True).start()
    for one in taking:
        threading.Thread(target=_take, args=(one, seen), daemon=True).start()


def _swallow(one: socket.socket) -> None:
    while True:
        with contextlib.suppress(OSError):
            one.recv(65_536)


def _answer_names(one: socket.socket, seen: Seen) -> None:
    while True:
        with contextlib.suppress(OSError, ValueError, IndexError, struct.error):
            question, sender = one.recvfrom(4_096)
            one.sendto(answer_to(question, seen), sender)


def answer_to(question: bytes, seen: Seen) -> bytes:
    """The answer to one question. Raises `ValueError` for what is none."""
    name, end = _name_in(question)
    kind = struct.unpack(">H", question[end : end + 2])[0]
    address = seen.address_for(name)
    head = question[:2] + struct.pack(">HHHHH", 0x8180, 1, 1 if kind == 1 else 0, 0, 0) + question[12 : end + 4]
    if kind != 1:
        return head
    return head + b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + ipaddress.IPv4Address(address).packed


def _name_in(question: bytes) -> tuple[str, int]:
    labels, at = [], 12
    while True:
        length = question[at]
        at += 1
        if length == 0:
            break
        if length > 63 or at + length > len(question):
            raise ValueError("no name")
        labels.append(shown(question[at : at + length], 63))
        at += length
    return ".".join(labels).lower()[:255], at


def _take(one: socket.socket, seen: Seen) -> None:
    while True:
        with contextlib.suppress(OSError, RuntimeError):
            connection, _ = one.accept()
            if threading.active_count() > 200:  # a flood is counted, not served
                seen.more += 1
                connection.close()
                continue
            threading.Thread(target=_hear, args=(connection, seen), daemon=True).start()


def _hear(connection: socket.socket, seen: Seen) -> None:
    with connection, contextlib.suppress(OSError):
        address, port = wanted_by(connection)
        connection.settimeout(WAIT_S)
        first = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            first = connection.recv(KEPT)
        heard = understand(first, address, port)
        seen.add(heard)
        if heard.kind == "http":
            connection.sendall(_ANSWER)


def wanted_by(connection: socket.socket) -> tuple[str, int]:
    """The address that the sample asked for, before it was led here."""
    if connection.family == socket.AF_INET6:
        raw = connection.getsockopt(socket.IPPROTO_IPV6, _SO_ORIGINAL_DST, 28)
        return str(ipaddress.IPv6Address(raw[8:24])), struct.unpack(">H", raw[2:4])[0]
    raw = connection.getsockopt(socket.SOL_IP, _SO_ORIGINAL_DST, 16)
    return str(ipaddress.IPv4Address(raw[4:8])), struct.unpack(">H", raw[2:4])[0]


def understand(first: bytes, address: str, port: int) -> Heard:
    """What the first bytes are."""
    if first.startswith(_METHODS):
        lines = first.split(b"\r\n")
        host = next((line[5:].strip() for line in lines[1:40] if line[:5].lower() == b"host:"), b"")
        return Heard(address, port, "http", shown(lines[0], 400), shown(host, 255), len(first))
    if first[:2] == b"\x16\x03":
        name = server_name(first)
        return Heard(address, port, "tls", f"TLS for {name}" if name else "TLS", name, len(first))
    if not first:
        return Heard(address, port, "silent", "Nothing was sent first")
    return Heard(address, port, "raw", shown(first, 200), "", len(first))


def server_name(hello: bytes) -> str:
    """The name in a TLS greeting; empty when there is none."""
    try:
        at = 43
        at += 1 + hello[at]
        at += 2 + struct.unpack(">H", hello[at : at + 2])[0]
        at += 1 + hello[at]
        end = at + 2 + struct.unpack(">H", hello[at : at + 2])[0]
        at += 2
        while at + 4 <= min(end, len(hello)):
            kind, length = struct.unpack(">HH", hello[at : at + 4])
            if kind == 0:
                return shown(hello[at + 9 : at + 4 + length], 255)
            at += 4 + length
    except (IndexError, struct.error):
        pass
    return ""
