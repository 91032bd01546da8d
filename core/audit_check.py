"""Checking the whole chain takes a while on a long history, so a worker does it and the page shows the last result."""

import logging
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction

from core import audit, clock, jobs, live, outbox

logger = logging.getLogger(__name__)
KEY = "audit:verdict"
RUNNING = "audit:checking"
TASK = "core.tasks.verify_audit"
KEPT_S = 30 * 86400
LONGEST_S = 600
FRESH = timedelta(hours=23)


@dataclass(frozen=True, slots=True)
class ChainState:
    """`waiting` events have no seal yet, which lasts for seconds. `verdict` is the last check, or None."""

    waiting: int
    running: bool
    verdict: audit.Verdict | None

    @property
    def is_whole(self) -> bool:
        return self.verdict is not None and self.verdict.broken_at is None


def ask() -> None:
    """Have a worker check the chain; asking while one is at it changes nothing."""
    if cache.add(RUNNING, 1, timeout=LONGEST_S):
        jobs.enqueue(TASK)


def run() -> audit.Verdict:
    """Check the chain and keep the verdict for the page."""
    try:
        verdict = audit.verify()
        cache.set(KEY, asdict(verdict), KEPT_S)
        # Where logs are collected, this line is what `audit verify --head` can be asked about.
        logger.info("audit chain: %d sealed, broken at %s, head %s", verdict.sealed, verdict.broken_at, verdict.head)
    finally:
        cache.delete(RUNNING)
    if verdict.broken_at is not None:
        with transaction.atomic():
            outbox.publish("audit.broken", broken_at=verdict.broken_at, missing=verdict.missing, head=verdict.head)
    live.publish("audit.checked", "chain")
    return verdict


def is_old() -> bool:
    """Whether the last check was not within a day, less an hour for the clock of the schedule."""
    verdict = state().verdict
    return verdict is None or clock.real_now() - verdict.checked_at > FRESH


def state() -> ChainState:
    kept: dict[str, Any] | None = cache.get(KEY)
    verdict = audit.Verdict(**kept) if kept else None
    return ChainState(_waiting(), cache.get(RUNNING) is not None, verdict)


def _waiting() -> int:
    """Events without a seal; seals follow the order of ids, so only the newest ids need a look."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM core_audit_event e WHERE e.id > coalesce("
            "(SELECT event_id FROM core_audit_seal ORDER BY seq DESC LIMIT 1), 0) - 10000 "
            "AND NOT EXISTS (SELECT 1 FROM core_audit_seal s WHERE s.event_id = e.id)"
        )
        return int(cursor.fetchone()[0])
