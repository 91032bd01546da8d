"""So many requests a minute for each person, token or address."""

import logging
import time
from typing import TYPE_CHECKING

import redis
from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.client_address import client_address

if TYPE_CHECKING:  # the framework's views read the settings that name this class while they are imported
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}


def parse_rate(rate: str) -> tuple[int, int]:
    """`6000/min` is (6000, 60)."""
    number, _, period = rate.partition("/")
    return int(number), _SECONDS[period]


class PrincipalRateThrottle(BaseThrottle):
    """Counts in fixed windows: one increment in the broker a request, whatever the rate.

    Without the broker nothing is counted, because refusing accepted work would be worse.
    """

    setting = "API_RATE"

    def allow_request(self, request: Request, _view: "APIView") -> bool:
        most, seconds = parse_rate(getattr(settings, self.setting))
        window, self.left = int(time.time()) // seconds, seconds - time.time() % seconds
        key = f"rate:{self.setting}:{self._principal(request)}:{window}"
        try:
            if cache.add(key, 1, timeout=seconds + 1):
                return True
            return int(cache.incr(key)) <= most
        except (redis.RedisError, ValueError):
            # ValueError: the window ended between the two calls.
            return True

    def wait(self) -> float:
        return self.left

    def _principal(self, request: Request) -> str:
        if request.auth is not None and hasattr(request.auth, "pk"):
            return f"token-{request.auth.pk}"
        if request.user.is_authenticated:
            return f"person-{request.user.pk}"
        return f"address-{client_address(request)}"
