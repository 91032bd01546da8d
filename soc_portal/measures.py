"""What the portal's own state is in figures, asked of the database and the broker with a few bounded questions.

`/metrics` shows them to a monitoring system, `./soc doctor` to a person.
"""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Min

from connectors.agent_facts import connected_since
from connectors.enums import OPEN_ORDERS, AgentState, OrderState
from connectors.models import Agent, AgentOrder, Connection
from core import audit_check, clock, heartbeat, live_stream
from core.backups import last_backup
from core.models import BackupKind, OutboxEvent
from incidents.enums import DeadLetterState
from incidents.models import Alert, DeadLetter
from remediation.enums import OPEN_STATUSES, Decision
from remediation.models import ActionRun

MOST_COUNTED = 100_000
LONGEST_QUESTION_MS = 3_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many wait, the oldest for so long. At most `MOST_COUNTED` are counted."""

    count: int
    oldest_s: float


@cache
def broker() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


@contextlib.contextmanager
def short_questions() -> Iterator[None]:
    """No question holds up the database, however ill it is."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {LONGEST_QUESTION_MS}")
        yield


def age_s(since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (clock.real_now() - since).total_seconds())


# ---- database ----


def correlation_lag_s() -> float:
    lag = Alert.objects.lag(clock.real_now())
    return 0.0 if lag is None else max(0.0, lag.total_seconds())


def alerts_waiting() -> int:
    return len(Alert.objects.filter(correlated=None).values_list("pk", flat=True)[:MOST_COUNTED])


def outbox_waiting() -> Waiting:
    found = OutboxEvent.objects.filter(delivered_at=None).aggregate(count=Count("pk"), oldest=Min("created"))
    return Waiting(found["count"], age_s(found["oldest"]))


def open_runs() -> dict[str, int]:
    counted = ActionRun.objects.filter(status__in=OPEN_STATUSES).values_list("status").annotate(count=Count("pk"))
    return {status.value: 0 for status in OPEN_STATUSES} | dict(counted.order_by())


def pending_decisions() -> Waiting:
    rows = ActionRun.objects.filter(decision=Decision.PENDING)
    found = rows.aggregate(count=Count("pk"), oldest=Min("created"))
    return Waiting(found["count"], age_s(found["oldest"]))


def open_dead_letters() -> int:
    rows = DeadLetter.objects.filter(state=DeadLetterState.OPEN).values_list("pk", flat=True)
    return len(rows[:MOST_COUNTED])


def audit_chain() -> audit_check.ChainState:
    return audit_check.state()


def chain_whole() -> float | None:
    state = audit_chain()
    return None if state.verdict is None else float(state.is_whole)


def chain_checked_age_s() -> float | None:
    verdict = audit_chain().verdict
    return None if verdict is None else age_s(verdict.checked_at)


def connections_by_health() -> dict[str, int]:
    counted = Connection.objects.filter(enabled=True).values_list("health").annotate(count=Count("pk")).order_by()
    return dict(counted)


def agents_by_state() -> dict[str, int]:
    counted = Agent.objects.values_list("state").annotate(count=Count("pk")).order_by()
    return dict.fromkeys(AgentState.values, 0) | dict(counted)


def agents_connected() -> int:
    return Agent.objects.connected(connected_since()).count()


def agents_away() -> int:
    """In service and not heard of late."""
    return Agent.objects.in_service().exclude(seen_at__gte=connected_since()).count()


def agent_orders() -> dict[str, int]:
    """Orders to agents that have not ended, by where they stand."""
    counted = AgentOrder.objects.open().values_list("state").annotate(count=Count("pk")).order_by()
    return {str(state): 0 for state in sorted(OPEN_ORDERS)} | dict(counted)


def unsigned_age_s() -> float:
    """How long the oldest order waits for the signer."""
    return age_s(AgentOrder.objects.filter(state=OrderState.UNSIGNED).aggregate(at=Min("created"))["at"])


def failing_connections() -> list[tuple[str, str]]:
    rows = Connection.objects.filter(enabled=True, health="unhealthy").order_by("name")
    return list(rows.values_list("name", "health_detail")[:20])


def backup_age_s() -> float | None:
    """Since the last backup that went well began; None when there was none."""
    found = last_backup(BackupKind.BACKUP)
    return None if found is None else age_s(found.at)


def database_size() -> int:
    return int(_scalar("SELECT pg_database_size(current_database())"))


def database_connections() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(state, 'other'), count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() GROUP BY 1"
        )
        return {str(state): int(count) for state, count in cursor.fetchall()}


def most_database_connections() -> int:
    return int(_scalar("SELECT current_setting('max_connections')"))


def _scalar(question: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


# ---- broker ----


def queue_depths() -> dict[str, int]:
    """Messages that no worker has taken yet."""
    routes: Mapping[str, Any] = settings.CELERY_TASK_ROUTES
    queues = sorted({route["queue"] for route in routes.values()} | {settings.CELERY_TASK_DEFAULT_QUEUE})
    with broker().pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.llen(queue)
        return dict(zip(queues, map(int, pipe.execute()), strict=True))


def messages_in_work() -> int:
    return int(broker().hlen("unacked"))


def heartbeats() -> dict[str, float]:
    """Seconds since the last sign of life; a part that never gave one is missing."""
    found = {part: heartbeat.age_s(part) for part in ("beat", "worker")}
    return {part: age for part, age in found.items() if age is not None}


def open_streams() -> int:
    return live_stream.open_everywhere()


# ---- machine ----


def disk() -> tuple[int, int]:
    """Free and whole bytes where the data folder lies, or will lie."""
    folder = settings.DATA_DIR
    usage = shutil.disk_usage(next(place for place in (folder, *folder.resolve().parents) if place.exists()))
    return usage.free, usage.total


def disk_is_nearly_full() -> bool:
    """Little enough that a busy day may fill it. What cannot be asked is not told."""
    try:
        free, whole = disk()
    except OSError:
        return False
    return free < min(2 * 1024**3, whole * 0.1)
