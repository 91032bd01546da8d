"""The one path by which alerts come in: the API, files, replays of dead letters and exercises all call it.

When `accept_alerts` returns, everything it says is committed. The broker is only told afterwards; without it the beat
sweep finds the alerts that wait.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from core import audit, clock, jobs, metrics, outbox
from core.actors import Actor
from incidents.ingest import formats
from incidents.ingest.dead_letters import Refusal, keep_refused
from incidents.ingest.draft import ReadyAlert, Rejected
from incidents.ingest.normalise import finish, purify
from incidents.ingest.parse import Loose, Unreadable
from incidents.ingest.store import Outcome, Stored, store_alerts
from notifications.services.pulse import beat

logger = logging.getLogger(__name__)
ATTEMPTS = 4
MAX_SOURCE = 80


@dataclass(slots=True)
class Receipt:
    """What became of each item. `rejected` is `{"index", "code", "message", "field"}`, `alerts` is `{"index", "id",
    "provider_alert_id", "incident_id", "outcome"}`; ids are texts, `incident_id` is None until the alert is correlated.
    `outcomes` is the same for each of `alerts`, to be counted."""

    rejected: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        return self.outcomes.count(Outcome.ACCEPTED)

    @property
    def updated(self) -> int:
        return self.outcomes.count(Outcome.UPDATED)

    @property
    def duplicates(self) -> int:
        return self.outcomes.count(Outcome.DUPLICATE)

    def counts(self) -> dict[str, int]:
        return {"accepted": self.accepted, "updated": self.updated, "duplicates": self.duplicates,
                "rejected": len(self.rejected)}  # fmt: skip

    def part(self, start: int, stop: int) -> "Receipt":
        """The receipt of the items from `start` up to, not including, `stop`, counted from its own first."""

        def own(row: dict[str, Any]) -> dict[str, Any]:
            return row | {"index": row["index"] - start}

        inside = [at for at, row in enumerate(self.alerts) if start <= row["index"] < stop]
        return Receipt(
            rejected=[own(row) for row in self.rejected if start <= row["index"] < stop],
            alerts=[own(self.alerts[at]) for at in inside],
            outcomes=[self.outcomes[at] for at in inside],
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "accepted": self.accepted, "updated": self.updated, "duplicates": self.duplicates,
            "rejected": self.rejected, "alerts": self.alerts,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Read:
    """One item that became an alert."""

    index: int
    alert: ReadyAlert


def accept_alerts(
    items: Sequence[object],
    *,
    format: str,  # noqa: A002 - the word of the address and of every caller
    source: str,
    actor: Actor,
    exercise: str = "",
    keep_dead: bool = True,
    is_feed: bool = True,
) -> Receipt:
    """Store the alerts of one source, committed on return.

    `items` are JSON objects as the source sent them (`parse.Loose` and `parse.Unreadable` too). An item that cannot
    become an alert is rejected and kept as a dead letter; the others are not touched by it. Within a batch a later
    item of the same id wins. A source that is no feed is not missed when it falls silent. Raises
    `formats.UnknownFormat`, and `ValueError` for an empty or endless source name.
    """
    reader = formats.get(format)
    source = source.replace("\x00", "").strip()
    if not 0 < len(source) <= MAX_SOURCE:
        raise ValueError(f"The source needs a name of 1 to {MAX_SOURCE} characters.")
    now = clock.now()
    reads: list[_Read] = []
    refusals: list[Refusal] = []
    for index, item in enumerate(items):
        try:
            reads.append(_Read(index, _read(item, reader, source, now)))
        except Rejected as reason:
            refusals.append(Refusal(index, item, reason.code, reason.message, reason.field))
        except Exception:
            logger.exception("format %s failed on item %d of %s", format, index, source)
            refusals.append(Refusal(index, item, "unexpected", "The item could not be read; it is kept.", ""))
    kept = refusals if keep_dead else []
    receipt = _store(reads, kept, format_key=format, source=source, actor=actor, exercise=exercise, now=now,
                     is_feed=is_feed)  # fmt: skip
    receipt.rejected = [refusal.as_json() for refusal in refusals]
    metrics.count_ingest(format, receipt.counts())
    return receipt


def _read(item: object, reader: formats.Format, source: str, now: datetime) -> ReadyAlert:
    if isinstance(item, Unreadable):
        raise Rejected("unreadable", f"Not JSON: {item.message}")
    loose = isinstance(item, Loose)
    clean, digest, marks = purify(item.item if isinstance(item, Loose) else item, loose=loose)
    return finish(reader.read(clean), source=source, format_key=reader.key, digest=digest, marks=marks, arrived=now)


def _store(
    reads: Sequence[_Read],
    refusals: Sequence[Refusal],
    *,
    format_key: str,
    source: str,
    actor: Actor,
    exercise: str,
    now: datetime,
    is_feed: bool,
) -> Receipt:
    """In one transaction; tried again when two batches got into each other's way."""
    latest = {read.alert.provider_alert_id: read.alert for read in reads}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                stored = store_alerts(list(latest.values()), actor=actor, exercise=exercise, at=now)
                keep_refused(refusals, format_key=format_key, source=source, exercise=exercise, at=now)
                receipt = _receipt(reads, stored)
                _tell(receipt, len(refusals), format_key=format_key, source=source, actor=actor)
            if reads and is_feed and not exercise:
                feed = f"feed:{format_key}:{source}"
                beat(feed, label=source, detail=f"{format_key}, sent by {actor.name}", actor=actor)
            return receipt
        except OperationalError as error:
            collided = isinstance(error.__cause__, DeadlockDetected | SerializationFailure)
            if not collided or attempt == ATTEMPTS or connection.in_atomic_block:
                raise
            logger.info("batch of %s collided with another, attempt %d", source, attempt)
    raise AssertionError("unreachable")


def _receipt(reads: Sequence[_Read], stored: dict[str, Stored]) -> Receipt:
    receipt = Receipt()
    last = {read.alert.provider_alert_id: read.index for read in reads}
    for read in reads:
        name = read.alert.provider_alert_id
        result = stored[name]
        receipt.outcomes.append(Outcome.DUPLICATE if read.index != last[name] else result.outcome)
        receipt.alerts.append({
            "index": read.index,
            "id": str(result.id),
            "provider_alert_id": name,
            "incident_id": None if result.incident_id is None else str(result.incident_id),
            "outcome": receipt.outcomes[-1].value,
        })  # fmt: skip
    return receipt


def _tell(receipt: Receipt, refused: int, *, format_key: str, source: str, actor: Actor) -> None:
    """One audit row a batch, and a wake-up of the correlation; nothing when nothing changed."""
    counts = {"accepted": receipt.accepted, "updated": receipt.updated, "duplicates": receipt.duplicates,
              "rejected": refused}  # fmt: skip
    if receipt.accepted or receipt.updated or refused:
        audit.record("alerts.accepted", subject=f"source:{source}", actor=actor, data={"format": format_key, **counts})
    if receipt.accepted or receipt.updated:
        changed = {Outcome.ACCEPTED, Outcome.UPDATED}
        told = zip(receipt.alerts, receipt.outcomes, strict=True)
        ids = [int(row["id"]) for row, outcome in told if outcome in changed]
        outbox.publish("alerts.stored", source=source, alerts=ids, **counts)
        jobs.wake("incidents.tasks.correlate_pending")
