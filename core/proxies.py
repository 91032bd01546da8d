"""Who calls, by which scheme and for which host: believed of the proxies that the settings name, and of nobody else."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
NOWHERE = "0.0.0.0"  # noqa: S104 - not bound to: what a server behind a socket file knows of its peer
# No chain of proxies is longer; a header that says more is somebody's attempt.
LONGEST_CHAIN = 20
SAID_BY_PROXIES = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
    "HTTP_X_REQUEST_ID",
)


@lru_cache(maxsize=16)
def networks(listed: tuple[str, ...]) -> tuple[Network, ...]:
    """Addresses and CIDR ranges as they stand in the settings; raises `ValueError` for anything else."""
    return tuple(ip_network(entry.strip(), strict=False) for entry in listed if entry.strip())


def is_within(address: Address | None, listed: Iterable[str]) -> bool:
    return address is not None and any(address in network for network in networks(tuple(listed)))


def as_address(text: str) -> Address | None:
    """An IPv4 address that arrived over an IPv6 socket is the IPv4 address."""
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def caller_behind(peer: Address, forwarded: str) -> Address:
    """The nearest address that is no trusted proxy, told by a chain of trusted ones.

    Read from the right, where our own proxy wrote: what stands further left was said by somebody outside.
    """
    nearest = peer
    for entry in reversed(forwarded.split(",")[-LONGEST_CHAIN:]):
        found = as_address(entry)
        if found is None or not is_within(nearest, settings.TRUSTED_PROXIES):
            break
        nearest = found
    return nearest


def understand(meta: dict[str, Any]) -> None:
    """Put the caller's address, scheme and host where every later reader looks, and drop the headers that told them."""
    peer = as_address(str(meta.get("REMOTE_ADDR", "")))
    said = {name: str(meta.pop(name)) for name in SAID_BY_PROXIES if name in meta}
    meta["REMOTE_ADDR"] = NOWHERE if peer is None else str(peer)
    if peer is None or not is_within(peer, settings.TRUSTED_PROXIES):
        return
    meta["REMOTE_ADDR"] = str(caller_behind(peer, said.get("HTTP_X_FORWARDED_FOR", "")))
    scheme = said.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
    if scheme in {"http", "https"}:
        meta["wsgi.url_scheme"] = scheme
    host = said.get("HTTP_X_FORWARDED_HOST", "").rpartition(",")[2].strip()
    if host:
        meta["HTTP_HOST"] = host
    if "HTTP_X_REQUEST_ID" in said:
        meta["HTTP_X_REQUEST_ID"] = said["HTTP_X_REQUEST_ID"]


class TrustedProxyMiddleware:
    """Stands first: nothing after it sees a claim of a stranger."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        networks(tuple(settings.TRUSTED_PROXIES))  # a mistake in the list stops the start, not the first request

    def __call__(self, request: HttpRequest) -> HttpResponse:
        understand(request.META)
        # Read once from the headers by Django, before they were understood.
        request.__dict__.pop("headers", None)
        return self.get_response(request)
