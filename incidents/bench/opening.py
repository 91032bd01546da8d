"""Opening an address again and again: how long it takes and what it asks of the database."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import Client


@dataclass(frozen=True, slots=True)
class Opened:
    """Milliseconds of each time, and the number of statements of one."""

    times: list[float]
    queries: int

    @property
    def p95(self) -> float:
        return percentile(self.times, 95)

    def as_json(self) -> dict[str, float | int]:
        return {"p50_ms": round(percentile(self.times, 50), 1), "p95_ms": round(self.p95, 1), "queries": self.queries}


def open_often(client: Client, address: str, count: int) -> Opened:
    """Once to count the statements (and to warm), then `count` times; anything but 200 raises."""
    page, queries = count_statements(lambda: client.get(address))
    if page.status_code != 200:
        raise RuntimeError(f"{address} answers {page.status_code}")
    return Opened(timed(lambda: client.get(address), count), queries)


def count_statements(act: Callable[[], Any]) -> tuple[HttpResponse, int]:
    statements: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        answer = act()
    return answer, len(statements)


def timed(act: Callable[[], object], count: int) -> list[float]:
    """How many milliseconds each of `count` calls took."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        act()
        times.append((time.perf_counter() - begun) * 1000)
    return times


def percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]
