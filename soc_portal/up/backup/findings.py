"""What `./soc verify` looks at in a database: every check tells what it looked at and what is wrong."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection
from psycopg import sql

from core import audit, blobs
from core.encryption import Unreadable
from core.models import Blob
from remediation.enums import Decision
from remediation.models import ActionRun
from remediation.policy import check_seal
from remediation.refused import Refused
from reviews.enums import ReviewState
from reviews.models import Review
from reviews.report import digest_of
from soc_portal.up.backup.database import TABLES
from soc_portal.up.migrating import known_migrations, unknown_migrations

MOST_TOLD = 5
_CONSTRAINTS = """
SELECT k.conname, c.relname, k.contype, k.convalidated, pg_get_expr(k.conbin, k.conrelid),
    f.relname,
    ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(n, i)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.i),
    ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(n, i)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.i)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class f ON f.oid = k.confrelid
WHERE n.nspname = 'public' AND k.contype IN ('c', 'f') AND NOT c.relispartition ORDER BY 2, 1
"""
_INVALID_INDEXES = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND NOT i.indisvalid AND c.relkind = 'i'
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was looked at, e.g. "1,204 stored files"; `wrong` is empty when all is well."""

    name: str
    what: str
    wrong: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def all_findings() -> Iterator[Finding]:
    """One after the other, so that a long check can be watched."""
    checks: tuple[Callable[[], Finding], ...] = (
        _migrations, _counts, _audit_chain, _stored_files, _constraints, _seals, _reviews,
    )  # fmt: skip
    for check in checks:
        yield check()


def _migrations() -> Finding:
    known = known_migrations()
    newer = [f"{app}.{name} is unknown to this version" for app, name in unknown_migrations(known)]
    applied = set(_rows("SELECT app, name FROM django_migrations"))
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    missing = [f"{migration.app_label}.{migration.name} is not applied" for migration, _ in plan]
    return Finding("tables", f"{len(applied)} migrations", _few(newer + missing))


def _counts() -> Finding:
    counts = {}
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(name)))
            counts[name] = cursor.fetchone()[0]
    named = {"incidents": "incidents_incident", "alerts": "incidents_alert", "runs": "remediation_actionrun"}
    told = ", ".join(f"{counts.get(table, 0):,} {label}" for label, table in named.items())
    return Finding("rows", f"{sum(counts.values()):,} rows in {len(counts)} tables: {told}")


def _audit_chain() -> Finding:
    verdict = audit.verify()
    wrong = []
    if verdict.broken_at is not None:
        wrong.append(f"broken at seal {verdict.broken_at}, {verdict.missing} events are missing")
    what = f"{verdict.sealed:,} events sealed, {verdict.unsealed:,} not yet, head {verdict.head}"
    return Finding("audit chain", what, wrong)


def _stored_files() -> Finding:
    wrong, count, size = [], 0, 0
    for blob in Blob.objects.order_by("pk").iterator(chunk_size=4):
        count, size = count + 1, size + blob.size
        length, digest = 0, hashlib.sha256()
        try:
            for piece in blobs.pieces(blob):
                length += len(piece)
                digest.update(piece)
        except Unreadable:
            wrong.append(f"file {blob.pk} cannot be decrypted")
            continue
        if length != blob.size or digest.hexdigest() != blob.sha256:
            wrong.append(f"file {blob.pk} is not what was stored")
    return Finding("stored files", f"{count:,} files, {size / 1e6:,.1f} MB", _few(wrong))


def _constraints() -> Finding:
    """Looked at anew: a constraint tells nothing of rows that a damaged disk or table changed."""
    wrong = [f"index {name} is not valid" for (name,) in _rows(_INVALID_INDEXES)]
    found = _rows(_CONSTRAINTS)
    for name, table, kind, valid, expression, *foreign in found:
        if not valid:
            wrong.append(f"{name} on {table} was never checked")
        broken = _breaks_foreign(table, *foreign) if kind == "f" else _breaks_check(table, expression)
        if broken:
            wrong.append(f"{broken:,} rows of {table} break {name}")
    return Finding("constraints", f"{len(found)} constraints", _few(wrong))


def _breaks_check(table: str, expression: str) -> int:
    return int(_rows(f"SELECT count(*) FROM public.{_quoted(table)} WHERE NOT ({expression.replace('%', '%%')})")[0][0])


def _breaks_foreign(table: str, other: str, columns: list[str], keys: list[str]) -> int:
    """Rows that point at nothing."""
    filled = " AND ".join(f"t.{_quoted(column)} IS NOT NULL" for column in columns)
    same = " AND ".join(f"o.{_quoted(key)} = t.{_quoted(column)}" for column, key in zip(columns, keys, strict=True))
    query = (
        f"SELECT count(*) FROM public.{_quoted(table)} t WHERE {filled} "
        f"AND NOT EXISTS (SELECT 1 FROM public.{_quoted(other)} o WHERE {same})"
    )
    return int(_rows(query)[0][0])


def _seals() -> Finding:
    wrong, count = [], 0
    for run in ActionRun.objects.exclude(decision=Decision.PENDING).order_by("pk").iterator(chunk_size=500):
        count += 1
        try:
            check_seal(run)
        except Refused:
            wrong.append(f"the decision of {run.number} was not made through the portal, or was changed")
    return Finding("decisions", f"{count:,} sealed decisions", _few(wrong))


def _reviews() -> Finding:
    wrong, count = [], 0
    for review in Review.objects.filter(state=ReviewState.SIGNED).order_by("pk").iterator(chunk_size=50):
        count += 1
        if review.snapshot is None or digest_of(review.snapshot) != review.snapshot_sha256:
            wrong.append(f"the signed review of incident {review.incident_id} was changed")
    return Finding("signed reviews", f"{count:,} reviews", _few(wrong))


def _few(wrong: list[str]) -> list[str]:
    more = len(wrong) - MOST_TOLD
    return [*wrong[:MOST_TOLD], f"and {more:,} more"] if more > 0 else wrong


def _rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
