"""Writing and verifying the append-only history.

`record()` must run inside the transaction of the change it tells of. Sealing is a job of its own (`seal()`), so that
transactions never queue on one chain head: `verify()` tells sealed from not yet sealed.
"""

import hashlib
import hmac
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction

from core import clock
from core.actors import Actor
from core.models import AuditSeal
from core.personal import Name
from core.wording import unix_lines

SEAL_LOCK = 0x50C_A0D17
GENESIS = bytes(32)
_PURPOSE = b"audit chain, version 1"
# Rows from which COPY is quicker than single inserts.
COPY_FROM = 20
_UNSTORABLE_SIGNS = ("\\u0000", "\\ud", "NaN", "Infinity")
_COLUMNS = ("at", "actor_kind", "actor_id", "actor_name", "verb", "subject", "thread", "changes", "reason", "data")


@dataclass(frozen=True, slots=True)
class Entry:
    """What to record. `changes` is `{"field": (old, new)}`; values must be JSON-able by Django's encoder."""

    verb: str
    subject: str
    thread: str = ""
    changes: Mapping[str, Any] | None = None
    reason: str = ""
    data: Mapping[str, Any] | None = None


def record(
    verb: str,
    *,
    subject: str,
    actor: Actor,
    thread: str = "",
    changes: Mapping[str, Any] | None = None,
    reason: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Record one change. Raises when called outside a transaction: a change and its record stand or fall together."""
    record_many([Entry(verb, subject, thread, changes, reason, data)], actor=actor)


def record_many(entries: Iterable[Entry], *, actor: Actor) -> None:
    """Record several changes of one actor with one statement."""
    if not connection.in_atomic_block:
        raise RuntimeError("Audit events are written in the transaction of the change they tell of.")
    at, name = clock.now(), _name_of(actor)
    rows = [
        (
            at,
            actor.kind.value,
            actor.id[:64],
            name,
            entry.verb,
            entry.subject,
            entry.thread,
            _encode(entry.changes),
            _storable(unix_lines(entry.reason)),
            _encode(entry.data),
        )
        for entry in entries
    ]
    if not rows:
        return
    if len(rows) >= COPY_FROM:
        with (
            connection.cursor() as cursor,
            cursor.cursor.copy(f"COPY core_audit_event ({', '.join(_COLUMNS)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)
        return
    one = f"({', '.join(['%s'] * len(_COLUMNS))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO core_audit_event ({', '.join(_COLUMNS)}) VALUES {', '.join([one] * len(rows))}",
            [value for row in rows for value in row],
        )


def _name_of(actor: Actor) -> str:
    """A person's name, also inside the name of a token, lies in the history under the person's key."""
    name = str(_storable(actor.name[:255]))
    return Name("user", actor.person_id, name, actor.name_key).sealed if actor.person_id is not None else name


def copy_thread(source: str, *, to: str) -> None:
    """Tell the story of `source` in the thread `to` as well, each entry with its own time and actor. `data` says where
    it comes from (`copied_from`); a copy of a copy keeps the first place."""
    if not connection.in_atomic_block:
        raise RuntimeError("Audit events are written in the transaction of the change they tell of.")
    kept = ", ".join(column for column in _COLUMNS if column not in {"thread", "data"})
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO core_audit_event ({kept}, thread, data) "
            f"SELECT {kept}, %s, jsonb_build_object('copied_from', thread) || data "
            "FROM core_audit_event WHERE thread = %s ORDER BY at, id",
            [to, source],
        )


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        return o.sealed if isinstance(o, Name) else super().default(o)


def _encode(value: Mapping[str, Any] | None) -> str:
    text = json.dumps(value or {}, cls=_Encoder)
    if any(sign in text for sign in _UNSTORABLE_SIGNS):
        return json.dumps(_storable(json.loads(text)))
    return text


def _storable(value: Any) -> Any:
    """The same value without what PostgreSQL cannot keep: NUL, halves of characters, numbers that are none."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


class Stored(NamedTuple):
    """An event as it is stored, with sealed names: what the chain is over."""

    id: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    verb: str
    subject: str
    thread: str
    changes: str
    reason: str
    data: str


_STORED = ", ".join(f"e.{column}" + ("::text" if column in {"changes", "data"} else "") for column in Stored._fields)


def canonical(event: Stored) -> bytes:
    """The bytes that are hashed: every stored column, in a fixed order, as compact JSON."""
    return json.dumps(
        [
            event.id,
            event.at.astimezone(UTC).isoformat(timespec="microseconds"),
            event.actor_kind,
            event.actor_id,
            event.actor_name,
            event.verb,
            event.subject,
            event.thread,
            json.loads(event.changes),
            event.reason,
            json.loads(event.data),
        ],
        sort_keys=True,
        separators=(",", ":"),
    ).encode()


def stored(ids: Sequence[int]) -> list[Stored]:
    """Events as they are stored, in no particular order."""
    return _read("WHERE e.id = ANY(%s)", [list(ids)])


def _read(condition: str, values: Sequence[Any]) -> list[Stored]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_STORED} FROM core_audit_event e {condition}", values)
        return [Stored(*row) for row in cursor.fetchall()]


def seal(limit: int = 5000) -> int:
    """Chain the next unsealed events in order of id; one sealer at a time. Returns how many were sealed.

    Events become visible at commit, not in order of id: one that commits late is sealed after its successors, never
    lost.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEAL_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        last = AuditSeal.objects.order_by("-seq").first()
        seq, digest = (last.seq, bytes(last.digest)) if last else (0, GENESIS)
        events = _read(
            "LEFT JOIN core_audit_seal s ON s.event_id = e.id "
            "WHERE s.event_id IS NULL AND e.id > %s ORDER BY e.id LIMIT %s",
            [_floor(last), limit],
        )
        seals, key = [], _keys()[0]
        for event in events:
            seq += 1
            digest = _link(key, digest, event)
            seals.append(AuditSeal(seq=seq, event_id=event.id, event_at=event.at, digest=digest))
        AuditSeal.objects.bulk_create(seals)
    return len(seals)


def _link(key: bytes, previous: bytes, event: Stored) -> bytes:
    return hmac.digest(key, previous + canonical(event), hashlib.sha256)


def _keys() -> list[bytes]:
    """The first one seals, every one verifies. Without a key whoever owns the tables could chain a forgery anew."""
    return [hmac.digest(key.encode(), _PURPOSE, hashlib.sha256) for key in settings.ENCRYPTION_KEYS]


def _floor(last: AuditSeal | None) -> int:
    """Ids below this were sealed long ago; the margin leaves room for slow transactions."""
    return last.event_id - 100_000 if last else 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of `verify()`. `broken_at` is the first seal that does not fit, or None."""

    sealed: int
    unsealed: int
    broken_at: int | None
    missing: int
    head: str
    checked_at: datetime


def verify() -> Verdict:
    """Recompute the whole chain from the stored events."""
    digest, checked, broken, missing, keys = GENESIS, 0, None, 0, _keys()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM core_audit_event e WHERE NOT EXISTS "
            "(SELECT 1 FROM core_audit_seal s WHERE s.event_id = e.id)"
        )
        unsealed = int(cursor.fetchone()[0])
    for seal_row, event in _sealed_events():
        checked += 1
        if event is None:
            missing += 1
            broken = broken or seal_row.seq
            digest = bytes(seal_row.digest)
            continue
        stored = bytes(seal_row.digest)
        fits = any(hmac.compare_digest(_link(key, digest, event), stored) for key in keys)
        if (not fits or seal_row.seq != checked) and broken is None:
            broken = seal_row.seq
        digest = stored
    return Verdict(checked, unsealed, broken, missing, digest.hex(), clock.real_now())


def holds(head: str) -> bool:
    """Whether the chain still has a head that was noted earlier: an end that was cut off shows nowhere else."""
    try:
        return AuditSeal.objects.filter(digest=bytes.fromhex(head)).exists()
    except ValueError:
        return False


def _sealed_events() -> Iterable[tuple[AuditSeal, Stored | None]]:
    after = 0
    while True:
        seals = list(AuditSeal.objects.filter(seq__gt=after).order_by("seq")[:2000])
        if not seals:
            return
        events = {event.id: event for event in stored([row.event_id for row in seals])}
        for row in seals:
            yield row, events.get(row.event_id)
        after = seals[-1].seq
