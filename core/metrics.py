"""What is counted where it happens. Requests are counted in each web process, the rest in the broker, where every
process adds to the same figure. `/metrics` reads both.

Labels are names from the code (routes, tasks, formats) and never names of people or things.
"""

import logging
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import redis
from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.multiprocess import MultiProcessCollector  # type: ignore[no-untyped-call, unused-ignore]

logger = logging.getLogger(__name__)
# Several processes behind one address share files in this folder; one process alone needs none.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_KEY = "soc:tally:"

if os.environ.get(SHARED_FOLDER):
    # Each process has a file: that of its place among the others, when it was given one, else of its own.
    values.ValueClass = values.MultiProcessValue(lambda: os.environ.get("SOC_FIGURES_OF") or os.getpid())  # type: ignore[no-untyped-call]
_own = CollectorRegistry()
_registry = None if os.environ.get(SHARED_FOLDER) else _own
REQUESTS = Counter(
    "soc_http_requests",
    "Requests answered, by the name of the route, the method and the status.",
    ["route", "method", "status"],
    registry=_registry,
)
DURATION = Histogram(
    "soc_http_request_duration_seconds",
    "Time from the first line of a request to the answer, by the name of the route.",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=_registry,
)


def of_processes() -> CollectorRegistry:
    """What the web processes counted, all of them together."""
    if _registry is not None:
        return _registry
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


def observe_request(*, route: str, method: str, status: int, seconds: float) -> None:
    REQUESTS.labels(route, method if method in METHODS else "OTHER", str(status)).inc()
    DURATION.labels(route).observe(seconds)


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


def tally(name: str, counts: Mapping[str, int]) -> None:
    """Add to figures that every process shares. Without the broker they are lost: figures never stop the work."""
    wanted = {label: number for label, number in counts.items() if number}
    if not wanted:
        return
    try:
        with _client().pipeline(transaction=False) as pipe:
            for label, number in wanted.items():
                pipe.hincrby(_KEY + name, label, number)
            pipe.execute()
    except redis.RedisError:
        logger.debug("broker away, figures of %s are lost", name)


def tallied(name: str) -> dict[str, int]:
    """Raises when the broker is away."""
    found: Any = _client().hgetall(_KEY + name)
    return {label.decode(): int(number) for label, number in found.items()}


def count_task(task: str, state: str) -> None:
    tally("tasks", {f"{task}|{state}": 1})


def count_ingest(format_key: str, outcomes: Mapping[str, int]) -> None:
    tally("ingest", {f"{format_key}|{outcome}": number for outcome, number in outcomes.items()})
