"""Where a request comes from, told by as many proxies as the settings trust and by nobody else."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

NOWHERE = "0.0.0.0"  # noqa: S104 - not bound to: what a server behind a socket file knows of its peer


def client_address(request: HttpRequest) -> str:
    """The address that the outermost trusted proxy saw, else the peer's; always a valid address."""
    candidates = []
    if settings.PROXY_COUNT:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(forwarded) >= settings.PROXY_COUNT:
            candidates.append(forwarded[-settings.PROXY_COUNT].strip())
    candidates.append(request.META.get("REMOTE_ADDR", ""))
    return next((found for found in candidates if _is_address(found)), NOWHERE)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
