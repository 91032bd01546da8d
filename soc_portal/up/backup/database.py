"""The database of a backup: how it is reached, a snapshot of it, and the client programs of PostgreSQL."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import environ
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from soc_portal.up import postgres
from soc_portal.up.backup.manifest import Manifest, version
from soc_portal.up.errors import UpError

# Every table of ours once: of a partitioned one the whole and not its parts.
TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "PGPASSFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSSLMODE")


@dataclass(frozen=True)
class Address:
    """A database as libpq names it; the password stands apart, because arguments are seen by everybody."""

    words: dict[str, str]
    password: str

    @classmethod
    def of(cls, url: str) -> "Address":
        told: dict[str, Any] = environ.Env.db_url_config(url)
        options = {name: value for name, value in told.get("OPTIONS", {}).items() if name.startswith("ssl")}
        named = {"host": told.get("HOST"), "port": told.get("PORT"), "user": told.get("USER"), **options}
        words = {name: str(value) for name, value in named.items() if value}
        return cls({**words, "dbname": str(told["NAME"])}, str(told.get("PASSWORD") or ""))

    def connect(self, **more: Any) -> psycopg.Connection:
        secret = {"password": self.password} if self.password else {}
        words = make_conninfo(**self.words, **secret, connect_timeout=10)
        try:
            return psycopg.connect(words, **more)
        except psycopg.OperationalError as error:
            raise UpError(f"the database cannot be reached: {str(error).strip()}") from error

    @property
    def argument(self) -> str:
        return f"--dbname={make_conninfo(**self.words)}"

    @property
    def env(self) -> dict[str, str]:
        """For a client program; the portal's own secrets stay out of it."""
        kept = {name: value for name, value in os.environ.items() if name in _KEPT}
        return {**kept, "PGCONNECT_TIMEOUT": "10", **({"PGPASSWORD": self.password} if self.password else {})}


def server_version(connection: psycopg.Connection) -> int:
    """The major version."""
    return connection.info.server_version // 10_000


def client_program(name: str, server: int) -> Path:
    """`pg_dump` or `pg_restore`, at least as new as the server: ours, else one on the PATH."""
    if server <= postgres.MAJOR_VERSION:
        return postgres.binary(name)
    found = shutil.which(name)
    have = _version_of(found) if found else None
    if found is None or have is None or have < server:
        have_words = f"on the PATH is {have}" if have else "none is on the PATH"
        raise UpError(
            f"the server is PostgreSQL {server} and needs {name} of version {server} or newer; this portal brings "
            f"{postgres.MAJOR_VERSION}, {have_words}: install the client programs of PostgreSQL {server}"
        )
    return Path(found)


def _version_of(program: str) -> int | None:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)", told)
    return int(found[1]) if found else None


@dataclass(frozen=True)
class Snapshot:
    """One moment of the database, which other sessions can look at by its name while it is held."""

    name: str
    manifest: Manifest
    connection: psycopg.Connection


@contextlib.contextmanager
def snapshot(address: Address) -> Iterator[Snapshot]:
    with address.connect() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        name = _one(connection, "SELECT pg_export_snapshot()")
        if not has_table(connection, "core_audit_seal"):
            raise UpError("the database is none of a portal, or one that was never started: there is nothing to keep")
        yield Snapshot(name, _describe(connection), connection)


def _describe(connection: psycopg.Connection) -> Manifest:
    migrations: dict[str, list[str]] = {}
    for app, migration in connection.execute("SELECT app, name FROM django_migrations ORDER BY app, name").fetchall():
        migrations.setdefault(app, []).append(migration)
    last = connection.execute("SELECT seq, encode(digest, 'hex') FROM core_audit_seal ORDER BY seq DESC LIMIT 1")
    sealed, head = last.fetchone() or (0, "")
    return Manifest(
        taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=version(),
        server=server_version(connection),
        database_bytes=_one(connection, "SELECT pg_database_size(current_database())"),
        migrations=migrations,
        counts=count_rows(connection),
        sealed=sealed,
        head=head,
    )


def count_rows(connection: psycopg.Connection) -> dict[str, int]:
    """By table."""
    names = [name for (name,) in connection.execute(TABLES).fetchall()]
    counted = {}
    for name in names:
        row = connection.execute(sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(name))).fetchone()
        counted[name] = int(row[0]) if row else 0
    return counted


def has_table(connection: psycopg.Connection, name: str) -> bool:
    row = connection.execute("SELECT to_regclass('public.' || quote_ident(%s)) IS NOT NULL", [name]).fetchone()
    return bool(row and row[0])


def _one(connection: psycopg.Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None
