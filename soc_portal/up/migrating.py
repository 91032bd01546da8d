"""Bringing the tables up to date without stopping everybody else.

A change of a table needs it alone for a moment. While it waits for a long transaction, everybody who comes after waits
behind it; so it waits some seconds only, steps back, lets the others through and tries again. A migration that was
killed left nothing behind (its transaction is gone), except an index that was being built beside the traffic: that is
dropped, and the migration runs anew.
"""

import sys
import time

import psycopg.errors
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql

from soc_portal.up.backup.emptiness import MARK
from soc_portal.up.errors import UpError

LOCK_TIMEOUT_S = 4
PAUSE_S = 3.0
ONE_AT_A_TIME = 0x50C_316
_AGAIN = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
_BLOCKERS = """
SELECT pid, application_name, extract(epoch FROM now() - xact_start)::int FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < now() - interval '3 seconds'
ORDER BY xact_start LIMIT 3
"""
_HALF_BUILT = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND NOT i.indisvalid AND c.relkind = 'i' AND pg_has_role(c.relowner, 'MEMBER')
"""


def known_migrations() -> dict[str, list[str]]:
    """Of this program, by app; what a squashed migration stands for counts too."""
    known: dict[str, list[str]] = {}
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        known.setdefault(app, []).append(name)
        for replaced_app, replaced in migration.replaces:
            known.setdefault(replaced_app, []).append(replaced)
    return {app: sorted(set(names)) for app, names in sorted(known.items())}


def refuse_foreign_database() -> None:
    """A database that a newer version has changed, or into which a restore was not finished."""
    if _ask("SELECT to_regclass(%s) IS NOT NULL", f"public.{MARK}"):
        raise UpError(
            "a restore into this database was not finished, so that actions of the past could be carried out again: "
            "delete the data folder, or drop and create the database, and restore again"
        )
    known = known_migrations()
    newer = [f"{app}.{name}" for app, name in unknown_migrations(known)]
    if newer:
        raise UpError(
            f"the database was used by a newer version than this one: it has {', '.join(newer[:3])}"
            f"{' ...' if len(newer) > 3 else ''}. Start that version, or restore a backup from before the upgrade"
        )


def unknown_migrations(known: dict[str, list[str]]) -> list[tuple[str, str]]:
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted((app, name) for app, name in applied if name not in known.get(app, []))


def migrate() -> None:
    """Apply what is missing; one program at a time. Raises `UpError` when others did not let it through in time."""
    deadline = time.monotonic() + settings.MIGRATION_WAIT_S
    while not _ask("SELECT pg_try_advisory_lock(%s)", ONE_AT_A_TIME):
        _wait(deadline, "another program is migrating this database")
    try:
        _ask("SELECT set_config('lock_timeout', %s, false)", f"{LOCK_TIMEOUT_S}s")
        _drop_half_built()
        _migrate_patiently(deadline)
    finally:
        _ask("SELECT set_config('lock_timeout', '0', false)")
        _ask("SELECT pg_advisory_unlock(%s)", ONE_AT_A_TIME)


def _migrate_patiently(deadline: float) -> None:
    while True:
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except OperationalError as error:
            if not isinstance(error.__cause__, _AGAIN):
                raise
            _wait(deadline, f"a migration waits for {_blockers()}")
        else:
            return


def _ask(query: str, *values: str | int) -> object:
    """In this session, whose settings and locks outlive the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()[0]


def _wait(deadline: float, reason: str) -> None:
    if time.monotonic() > deadline:
        raise UpError(f"{reason}; given up after {settings.MIGRATION_WAIT_S} s, nothing of it was changed")
    print(f"soc: {reason}; trying again", file=sys.stderr, flush=True)
    time.sleep(PAUSE_S)


def _blockers() -> str:
    with connection.cursor() as cursor:
        cursor.execute(_BLOCKERS)
        found = [
            f"session {pid} ({name or 'unnamed'}, a transaction of {age} s)" for pid, name, age in cursor.fetchall()
        ]
    return ", ".join(found) or "a transaction that has ended meanwhile"


def _drop_half_built() -> None:
    """No other program builds them now: it would hold the lock that only one can have."""
    with connection.cursor() as cursor:
        cursor.execute(_HALF_BUILT)
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL("DROP INDEX public.{}").format(sql.Identifier(name)))
