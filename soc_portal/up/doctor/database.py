"""The database: reachable, of a version that is known, not held up, not behind in its tables, and of the same time."""

import time
from collections.abc import Iterator
from typing import Any

from soc_portal.up.doctor.findings import Finding, error, fine, size, span, warning

OLDEST_VERSION = 150_000
_LONG_S = 300
_BUSY = """
SELECT pid, coalesce(nullif(application_name, ''), usename::text), state,
       extract(epoch FROM now() - xact_start)::float8,
       wait_event_type = 'Lock', extract(epoch FROM now() - coalesce(query_start, now()))::float8
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
ORDER BY xact_start LIMIT 20
"""
_DEAD = """
SELECT relname, n_dead_tup, n_live_tup FROM pg_stat_user_tables
WHERE n_dead_tup > 50000 AND n_dead_tup > n_live_tup * 0.5 ORDER BY n_dead_tup DESC LIMIT 5
"""


def is_there() -> Iterator[Finding]:
    """One finding; the other checks make sense only when it is a good one."""
    from django.db import OperationalError, connection

    try:
        connection.ensure_connection()
    except OperationalError as problem:
        yield error(
            "database",
            f"it does not answer: {str(problem).splitlines()[0][:200]}",
            "Without it there are no pages, and sources get an error for every alert.",
            _how(str(problem)),
        )
        return
    number, told, bytes_ = _rows(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
        " pg_database_size(current_database())"
    )[0]
    found = f"PostgreSQL {told}, {size(bytes_)}"
    if number < OLDEST_VERSION:
        yield error("database", found, "The portal is made for PostgreSQL 15 and newer.", "upgrade the server")
    else:
        yield fine("database", found)


def _how(problem: str) -> str:
    if "password" in problem or "authentication" in problem:
        return "correct the password in DATABASE_URL, or ALTER ROLE ... PASSWORD on the server"
    if "does not exist" in problem:
        return "CREATE DATABASE ... OWNER ...: docs/settings.md shows how"
    if "too many" in problem or "remaining connection slots" in problem:
        return "SELECT * FROM pg_stat_activity shows who holds the connections; raise max_connections"
    return "is the server running, and does this machine reach it? See its log (logs/postgres.log of the data folder)"


def clock() -> Iterator[Finding]:
    before = time.time()
    theirs = _rows("SELECT extract(epoch FROM clock_timestamp())::float8")[0][0]
    skew = theirs - (before + time.time()) / 2
    found = f"the database's clock differs by {abs(skew):.1f} s"
    means = "Times of alerts, deadlines and sessions are read wrongly."
    if abs(skew) > 30:
        yield error("clock", found, means, "timedatectl set-ntp true, on both machines")
    elif abs(skew) > 2:
        yield warning("clock", found, means, "timedatectl set-ntp true, on both machines")
    else:
        yield fine("clock", found)


def locks() -> Iterator[Finding]:
    busy = _rows(_BUSY)
    for pid, who, state, age, waits, waited in busy:
        if waits and (waited or 0) > 5:
            yield warning(
                "locks",
                f"{who} (process {pid} of the database) waits for a lock for {span(waited)}",
                "Somebody else holds a row or a table; what it wants to do stands still.",
                f"SELECT pg_blocking_pids({pid}); pg_terminate_backend(PID) ends who blocks",
            )
        elif (age or 0) > _LONG_S:
            yield warning(
                "transactions",
                f"{who} (process {pid} of the database) keeps a transaction open for {span(age)} ({state})",
                "Old rows cannot be cleared away, and upgrades wait for it.",
                f"SELECT pg_terminate_backend({pid}), when nobody needs it",
            )
    if not any((waits and (waited or 0) > 5) or (age or 0) > _LONG_S for *_, age, waits, waited in busy):
        yield fine("locks", "nobody waits, no transaction is old")


def tables() -> Iterator[Finding]:
    dead = _rows(_DEAD)
    for name, gone, live in dead:
        yield warning(
            "bloat",
            f"{name} holds {gone} dead rows beside {live} live ones",
            "Reading it is slower than need be.",
            f'./soc manage dbshell, then VACUUM (ANALYZE) "{name}"',
        )
    spoiled = _rows("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid LIMIT 5")
    for (name,) in spoiled:
        yield warning(
            "indexes",
            f"the index {name} is not finished",
            "Queries do not use it; an upgrade was interrupted.",
            "restart the portal, which builds it anew",
        )
    if not dead and not spoiled:
        yield fine("tables", "no bloat, all indexes in use")


def connections() -> Iterator[Finding]:
    used, most = _rows(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
        " current_setting('max_connections')::int"
    )[0]
    found = f"{used} of {most} connections in use"
    if used > most * 0.85:
        yield warning(
            "database connections",
            found,
            "New ones will be refused soon.",
            "raise max_connections, or stop other users",
        )
    else:
        yield fine("database connections", found)


def migrations() -> Iterator[Finding]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    due = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if due:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in due[:3])
        yield error(
            "tables",
            f"{len(due)} changes of the tables are due ({names}{' ...' if len(due) > 3 else ''})",
            "The code is newer than the database: pages fail.",
            "restart ./soc up, or run the migrate service",
        )
    else:
        yield fine("tables", "as this version needs them")


def _rows(question: str) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(question)
        return list(cursor.fetchall())
