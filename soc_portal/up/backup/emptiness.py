"""Where a backup may be restored to: an empty folder, an empty database with room for it."""

import contextlib
import shutil
from pathlib import Path

import psycopg

from soc_portal.up.backup.archive import PARTS
from soc_portal.up.backup.database import Address, has_table, server_version
from soc_portal.up.backup.manifest import Manifest
from soc_portal.up.data_folder import DataFolder
from soc_portal.up.errors import UpError

# Made before anything else is restored, dropped when nothing can be carried out again: until then no portal starts.
MARK = "soc_restore_unfinished"
_OLDEST_SERVER = 17  # what our pg_restore says at the beginning is understood since then
_ROOM = 1.2


def check_folder(folder: Path, manifest: Manifest, *, holds_database: bool) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UpError(f"{folder} is not empty: name a new folder with --data; a restore never replaces anything")
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(parent).free
    kept = sum(int(part["size"]) for name, part in manifest.parts.items() if name not in PARTS)
    needed = manifest.database_bytes * _ROOM * holds_database + kept
    if free < needed:
        raise UpError(
            f"there is too little room below {parent}: {free / 1e6:,.0f} MB are free, the database took "
            f"{manifest.database_bytes / 1e6:,.0f} MB and its large files {kept / 1e6:,.0f} MB"
        )


def check_still_empty(folder: DataFolder) -> None:
    """Under its lock, in which nothing but the lock and a place for logs may lie: what is made from here on is ours."""
    if {entry.name for entry in folder.path.iterdir()} - {"lock", folder.logs.name}:
        raise UpError(f"{folder.path} is not empty any more: another program uses it")


def check_database(address: Address, manifest: Manifest) -> None:
    with address.connect() as connection:
        found = server_version(connection)
        if found < max(_OLDEST_SERVER, manifest.server):
            raise UpError(
                f"the server is PostgreSQL {found}, the backup needs {max(_OLDEST_SERVER, manifest.server)} or newer"
            )
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN "
                "('r', 'p', 'v', 'm', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' LIMIT 3"
            ).fetchall()
        ]
    if tables:
        raise UpError(
            f"the database is not empty (it holds {', '.join(tables)}): a restore never replaces anything, make a new "
            "one with CREATE DATABASE"
        )


def mark(address: Address) -> None:
    with address.connect() as connection:
        connection.execute(f"CREATE TABLE public.{MARK} (since timestamptz NOT NULL DEFAULT now())")


def unmark(address: Address) -> None:
    """After a failure that left the database empty. What was restored and not held stays marked."""
    with contextlib.suppress(UpError, psycopg.Error), address.connect() as connection:
        if not has_table(connection, "django_migrations"):
            connection.execute(f"DROP TABLE IF EXISTS public.{MARK}")
