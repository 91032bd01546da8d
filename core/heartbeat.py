"""Signs of life of beat and workers, kept in the broker; `/healthz` reads them."""

import time
from functools import cache

import redis
from django.conf import settings

MAX_AGE_S = 25.0


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def broker() -> redis.Redis:
    """For what may run only while the broker answers: its errors are raised."""
    return _client()


def beat_is_alive() -> None:
    _mark("beat")


def worker_is_alive() -> None:
    _mark("worker")


def forget() -> None:
    """At a new start: the signs that an earlier run left in the broker say nothing about this one."""
    _client().delete("soc:alive:beat", "soc:alive:worker")


def _mark(who: str) -> None:
    try:
        _client().set(f"soc:alive:{who}", time.time(), ex=300)
    except redis.RedisError:
        return  # the broker is away; its absence is what the health page will show


def age_s(who: str) -> float | None:
    """Seconds since the last sign of `beat` or `worker`; None when there is none. Raises when the broker is away."""
    value = _client().get(f"soc:alive:{who}")
    return None if value is None else max(0.0, time.time() - float(value))
