"""Where a request comes from. `core.proxies` has understood what trusted proxies say before anybody asks."""

from django.http import HttpRequest

from core.proxies import NOWHERE, as_address


def client_address(request: HttpRequest) -> str:
    """Always a valid address; behind a socket file the one that means nowhere."""
    found = as_address(str(request.META.get("REMOTE_ADDR", "")))
    return NOWHERE if found is None else str(found)
