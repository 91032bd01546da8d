"""Migrations on a database that is in use, that are killed, and that a newer version has made."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from soc_portal.up.backup.database import Address
from soc_portal.up.processes import wait_until
from soc_portal.up.servers import Addresses, scratch_servers
from tests.started_portal import StartedPortal
from tests.upgrade.old_data import lay_old_data, servers_of

pytestmark = pytest.mark.slow
# A table that the present version changes.
CHANGED = "remediation_actionrun"
_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'soc-portal'"
_APPLIED = "SELECT count(*) FROM django_migrations"


@dataclass
class Old:
    """A database of the previous version, and a portal of the present one that was not started yet."""

    portal: StartedPortal
    owner_url: str

    def connect(self, **more: Any) -> psycopg.Connection:
        return Address.of(self.owner_url).connect(**more)

    def value(self, query: str) -> Any:
        with self.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


@pytest.fixture(scope="module")
def servers() -> Iterator[Addresses]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.delenv(name, raising=False)
        with scratch_servers() as pair:
            yield pair


@pytest.fixture
def old(servers: Addresses, tmp_path: Path) -> Iterator[Old]:
    name = f"old_{tmp_path.name.replace('-', '_')}"[:60]
    with Address.of(servers.owner_url).connect(autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    owner, app = (f"{url.rpartition('/')[0]}/{name}" for url in (servers.owner_url, servers.app_url))
    lay_old_data(owner)
    portal = StartedPortal(tmp_path / "data", servers=servers_of(Addresses(owner, app, servers.redis_url)))
    yield Old(portal, owner)
    if portal.is_running():
        portal.end(signal.SIGTERM)


def test_a_migration_lets_others_through_while_it_waits(old: Old) -> None:
    with old.connect() as reader:
        reader.execute(f"SELECT count(*) FROM {CHANGED}".encode())
        old.portal.begin()
        waits = f"a migration waits for session {reader.info.backend_pid} "
        assert wait_until(lambda: old.portal.has_said(waits), seconds=60), old.portal.last_lines()
        assert wait_until(lambda: old.value(_WAITS) > 0, seconds=30, pause=0.02), "it tries again"
        with old.connect(options="-c statement_timeout=15s") as other:
            assert other.execute(f"SELECT count(*) FROM {CHANGED}".encode()).fetchone() == (8,)
    assert wait_until(old.portal.is_healthy, seconds=60, pause=0.3), old.portal.last_lines()


def test_an_upgrade_that_was_killed_goes_on_at_the_next_start(old: Old) -> None:
    before = old.value(_APPLIED)
    with old.connect() as holder:
        holder.execute(f"LOCK TABLE {CHANGED} IN ACCESS EXCLUSIVE MODE".encode())
        old.portal.begin()
        assert wait_until(lambda: old.value(_WAITS) > 0 and old.value(_APPLIED) > before, seconds=60, pause=0.02)
        old.portal.end(signal.SIGKILL)
        assert wait_until(lambda: old.value(_OTHERS) == 0, seconds=30), "the killed one left no session behind"
    with old.connect(autocommit=True) as connection, pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("CREATE UNIQUE INDEX CONCURRENTLY half_built ON incidents_alert (severity)")
    assert old.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'half_built'") == 1
    old.portal.start()
    assert old.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'half_built'") == 0
    answer = old.portal.run("verify")
    assert answer.returncode == 0, answer.stderr


def test_one_that_is_never_let_through_gives_up_and_says_so(old: Old) -> None:
    old.portal.servers["SOC_MIGRATION_WAIT_S"] = "1"
    with old.connect() as holder:
        holder.execute(f"LOCK TABLE {CHANGED} IN ACCESS EXCLUSIVE MODE".encode())
        answer = old.portal.run("up", f"--port={old.portal.port}", "--no-demo")
    assert answer.returncode == 1
    assert "given up after 1 s" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_database_of_a_newer_version_is_refused(old: Old) -> None:
    with old.connect() as connection:
        connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('core', '0099_later', now())")
    answer = old.portal.run("up", f"--port={old.portal.port}", "--no-demo")
    assert answer.returncode == 1
    assert "used by a newer version than this one: it has core.0099_later" in answer.stderr
    assert "Traceback" not in answer.stderr
