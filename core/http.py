"""The outbound client: what calls an address that a person typed in goes through here.

A name is resolved once, every address it has is judged, and the connection goes to the judged address (the name stays
in the Host header and in the certificate check), so that a name that changes its answer gains nothing. Redirects are
answers like any other. Proxies and credentials of the environment are not used. What is raised and logged names the
host and never the path, because the addresses of chats are secrets.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import certifi
import httpx
from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]
CONNECT_S, READ_S, WHOLE_S = 5.0, 10.0, 20.0
MAX_ANSWER = 64 * 1024
MAX_BODY = 256 * 1024
MAX_URL = 2_000
# IPv4 inside IPv6: where the last 32 bits are the address that is reached in the end.
_CARRIERS: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
# Answered by the machine that runs a cloud host; no list of an administrator opens a whole network that holds them.
METADATA: Final = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200")))


class OutboundError(Exception):
    """The call was not made or not answered; the text says why, without the path of the address."""


class Forbidden(OutboundError):
    """The address may not be called from here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is cut at 64 KB and decoded for a person to read."""

    code: int
    body: str
    milliseconds: int

    @property
    def is_ok(self) -> bool:
        return 200 <= self.code < 300


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call goes: the judged address behind a name."""

    url: httpx.URL
    host: str
    address: str


class AllowList:
    """Names, addresses and networks inside that an administrator opened: `hooks.corp.example`, `10.1.2.3`,
    `10.9.0.0/24`. A name opens whatever it resolves to."""

    def __init__(self, entries: Iterable[str]) -> None:
        self.names: set[str] = set()
        self.networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for entry in filter(None, (raw.strip().lower().rstrip(".") for raw in entries)):
            try:
                self.networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self.names.add(entry)

    def names_host(self, host: str) -> bool:
        return host in self.names

    def holds(self, address: Address) -> bool:
        found = [network for network in self.networks if address in network]
        if address in METADATA:
            return any(network.num_addresses == 1 for network in found)
        return bool(found)


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, in the resolver's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in found))


def reached(address: Address) -> Address:
    """The address that is reached in the end: IPv4 in its IPv6 clothes is judged as IPv4."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _CARRIERS) and int(address) > 0xFFFF:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_outside(address: Address) -> bool:
    """Whether it is an ordinary address of the internet."""
    end = reached(address)
    return end.is_global and not end.is_multicast and not end.is_reserved and not getattr(end, "is_site_local", False)


def place_of(url: str, *, allowed: AllowList, resolver: Resolver = resolve) -> Place:
    """Check an address and resolve it, once. Raises `Forbidden` or `OutboundError`."""
    parsed = _parsed(url)
    host = parsed.raw_host.decode("ascii").lower().rstrip(".")
    named = allowed.names_host(host)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    addresses = [ipaddress.ip_address(text) for text in _addresses_of(host, port, resolver)]
    inside = [one for one in addresses if not is_outside(one)]
    opened = named or (bool(addresses) and all(allowed.holds(reached(one)) for one in addresses))
    if any(reached(one) in METADATA and not allowed.holds(reached(one)) for one in addresses):
        raise Forbidden(f"{host} leads to a metadata service.")
    if inside and not named and not all(allowed.holds(reached(one)) for one in inside):
        raise Forbidden(f"{host} leads to an address inside the network, which no administrator has opened.")
    if parsed.scheme == "http" and not opened:
        raise Forbidden(f"{host} is outside: only https is used there.")
    return Place(parsed, host, str(addresses[0]))


def _parsed(url: str) -> httpx.URL:
    if len(url) > MAX_URL or any(ord(sign) <= 32 or ord(sign) == 127 for sign in url) or "\\" in url:
        raise Forbidden("The address has signs that no address has.")
    try:
        parsed, split = httpx.URL(url), urlsplit(url)
        port = split.port
    except (httpx.InvalidURL, ValueError, UnicodeError):
        raise Forbidden("This is not an address.") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise Forbidden("An address begins with https:// and names a host.")
    if split.username is not None or split.password is not None or parsed.userinfo:
        raise Forbidden("An address carries no user name and no password.")
    if port == 0:
        raise Forbidden("There is no port 0.")
    return parsed


def _addresses_of(host: str, port: int, resolver: Resolver) -> list[str]:
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        found = resolver(host, port)
    except (OSError, UnicodeError):
        raise OutboundError(f"{host} cannot be found.") from None
    if not found:
        raise OutboundError(f"{host} cannot be found.")
    return found


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    allowed: AllowList,
    resolver: Resolver = resolve,
) -> Answer:
    """Send `body` and read the answer. A code such as 302 or 500 is an answer; raises `OutboundError` without one."""
    if len(body) > MAX_BODY:
        raise OutboundError("The message is too long to be sent.")
    place = place_of(url, allowed=allowed, resolver=resolver)
    started = time.monotonic()
    times = httpx.Timeout(READ_S, connect=CONNECT_S)
    sent = {"user-agent": "soc-portal", **headers, "host": place.url.netloc.decode("ascii"), "connection": "close"}
    target = place.url.copy_with(host=place.address)
    names = {"sni_hostname": place.url.raw_host.decode("ascii")}
    try:
        with (
            httpx.Client(verify=trust(), timeout=times, trust_env=False, follow_redirects=False) as client,
            client.stream("POST", target, content=body, headers=sent, extensions=names) as response,
        ):
            text = _read(response, until=started + WHOLE_S)
            code = response.status_code
    except httpx.TimeoutException:
        raise OutboundError(f"{place.host} did not answer in time.") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise OutboundError(f"{place.host}: {_why(error)}.") from None
    return Answer(code, text, int((time.monotonic() - started) * 1000))


def trust() -> ssl.SSLContext:
    """Whom certificates are believed from: the usual authorities, and the organisation's own where one is given."""
    context = ssl.create_default_context(cafile=certifi.where())
    if settings.CA_FILE:
        context.load_verify_locations(settings.CA_FILE)
    return context


def _read(response: httpx.Response, *, until: float) -> str:
    """The beginning of the answer; the rest is not waited for. Bytes as they come, so that nothing is unpacked."""
    read = bytearray()
    for part in response.iter_raw():
        read += part
        if len(read) >= MAX_ANSWER or time.monotonic() > until:
            break
    return bytes(read[:MAX_ANSWER]).decode("utf-8", "replace")


def _why(error: Exception) -> str:
    text = str(error).lower()
    if "certificate" in text:
        return "the certificate is not trusted"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return "the connection broke"
