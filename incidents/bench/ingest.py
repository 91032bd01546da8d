"""How many alerts a second come in through HTTP, singly and in batches, and become incidents.

The limit beside it is COPY of the same rows into empty copies of the tables with all their indexes and constraints.
"""

import time
from collections.abc import Mapping
from typing import Any

import orjson
from django.db import connection

from core import clock
from incidents.bench.sample import alerts
from incidents.bench.serving import make_token, post_all, served
from incidents.correlation.engine import correlate_waiting
from incidents.models import Alert, Evidence, Incident

BATCH = 1_000
WARM_UP = 2_000
TARGET_SHARE_OF_COPY, TARGET_SINGLES, TARGET_CORRELATION = 0.2, 150, 500


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """`alerts` (default 20,000) in batches, `singles` (default 1,200) one by one from four clients."""
    count, singles = int(options.get("alerts", 20_000)), int(options.get("singles", 1_200))
    token = make_token("ingest")
    with served() as port:
        path = "/api/v1/ingest/graph?source=bench"
        post_all(port, token, path, _batches(WARM_UP, "warm"), clients=2)
        in_batches, one_by_one = _batches(count, "batch"), _single_bodies(singles)
        batches = _timed(lambda: post_all(port, token, path, in_batches, clients=2))
        single = _timed(lambda: post_all(port, token, path, one_by_one, clients=4))
    rows = count + count * 4
    limit = _copy_limit()
    correlation = _correlation()
    return {
        "alerts": count,
        "evidence_an_alert": 4,
        "batch_alerts_s": round(count / batches),
        "batch_rows_s": round(rows / batches),
        "limit_copy_rows_s": round(limit),
        "ratio_batch_to_copy": round(rows / batches / limit, 3),
        "target_ratio_batch_to_copy": TARGET_SHARE_OF_COPY,
        "single_posts_s": round(singles / single),
        "ratio_single_to_target": round(singles / single / TARGET_SINGLES, 2),
        "target_single_posts_s": TARGET_SINGLES,
        **correlation,
        "ratio_correlation_to_target": round(correlation["correlation_alerts_s"] / TARGET_CORRELATION, 2),
        "target_correlation_alerts_s": TARGET_CORRELATION,
    }


def _batches(count: int, prefix: str) -> list[bytes]:
    items = alerts(count, until=clock.now(), prefix=prefix, seed=len(prefix))
    return [orjson.dumps(items[start : start + BATCH]) for start in range(0, count, BATCH)]


def _single_bodies(count: int) -> list[bytes]:
    return [orjson.dumps(item) for item in alerts(count, until=clock.now(), prefix="single", seed=3)]


def _timed(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _correlation() -> dict[str, Any]:
    waiting = Alert.objects.waiting_for_correlation().count()
    took = _timed(lambda: correlate_waiting(for_seconds=600))
    return {"correlation_alerts": waiting, "correlation_alerts_s": round(waiting / took),
            "incidents": Incident.objects.listed().count()}  # fmt: skip


def _copy_limit() -> float:
    """Rows a second of COPY, alerts and evidence together, in one transaction as the ingest does it."""
    tables = (Alert._meta.db_table, Evidence._meta.db_table)
    with connection.cursor() as cursor:
        dumps = [_dump(cursor, table) for table in tables]
        for table in tables:
            cursor.execute(f"CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)")
        for table in tables:
            for name, definition in _foreign_keys(cursor, table):
                cursor.execute(f"ALTER TABLE bench_{table} ADD CONSTRAINT bench_{name[:50]} {definition}")
        rows = sum(model.objects.count() for model in (Alert, Evidence))
        begun = time.perf_counter()
        cursor.execute("BEGIN")
        for table, content in zip(tables, dumps, strict=True):
            with cursor.cursor.copy(f"COPY bench_{table} FROM STDIN (FORMAT binary)") as copy:
                copy.write(content)
        cursor.execute("COMMIT")
        took = time.perf_counter() - begun
        cursor.execute(f"DROP TABLE {', '.join(f'bench_{table}' for table in reversed(tables))}")
    return rows / took


def _dump(cursor: Any, table: str) -> bytes:
    with cursor.cursor.copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
        return b"".join(bytes(block) for block in copy)


def _foreign_keys(cursor: Any, table: str) -> list[tuple[str, str]]:
    """LIKE copies everything but these; evidence points at the copied alerts."""
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'",
        [table],
    )
    return [
        (name, definition.replace("REFERENCES incidents_alert(", "REFERENCES bench_incidents_alert("))
        for name, definition in cursor.fetchall()
    ]
