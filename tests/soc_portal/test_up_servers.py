"""The embedded servers: throw-away pairs for tests, durable ones for an instance."""

import signal
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis

from soc_portal.up.postgres import DATABASE, OWNER, Passwords, Postgres
from soc_portal.up.servers import Addresses, scratch_servers

PASSWORDS = Passwords("one", "two", "three")


@pytest.fixture
def no_servers_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


def connect(url: str) -> psycopg.Connection:
    credentials, _, place = url.removeprefix("postgres://").partition("@/")
    role, _, password = credentials.partition(":")
    sockets, _, database = place.rpartition("/")
    return psycopg.connect(host=sockets, user=role, password=password, dbname=database)


def test_two_scratch_pairs_live_side_by_side_and_leave_nothing(no_servers_named: None) -> None:
    with scratch_servers() as first, scratch_servers() as second:
        assert first.redis_url != second.redis_url
        folders = [Path(pair.redis_url.removeprefix("unix://")).parent for pair in (first, second)]
        for pair in (first, second):
            with connect(pair.owner_url) as connection:
                assert connection.execute("SHOW fsync").fetchone() == ("off",)
            with redis.Redis(unix_socket_path=pair.redis_url.removeprefix("unix://")) as client:
                assert client.ping()
    assert not any(folder.exists() for folder in folders)


def test_servers_that_are_named_are_used_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://named/one")
    monkeypatch.setenv("REDIS_URL", "redis://named/2")
    with scratch_servers() as pair:
        assert pair == Addresses("postgres://named/one", "postgres://named/one", "redis://named/2")


def test_the_running_portal_is_no_superuser_and_owns_no_table(no_servers_named: None) -> None:
    with scratch_servers() as pair:
        with connect(pair.owner_url) as owner:
            owner.execute("CREATE TABLE kept (id int)")
        with connect(pair.app_url) as app:
            rights = app.execute("SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user").fetchone()
            assert rights == (False, False)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute("DROP TABLE kept")


def test_a_database_survives_the_kill_of_its_server() -> None:
    with tempfile.TemporaryDirectory(prefix="soc-") as name:
        folder = Path(name)
        postgres = Postgres(folder / "data", sockets=folder, log=folder / "log", passwords=PASSWORDS)
        postgres.start()
        with connect(postgres.url(OWNER)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
        postgres.child.stop([(signal.SIGKILL, 5.0)])
        again = Postgres(folder / "data", sockets=folder, log=folder / "log", passwords=PASSWORDS)
        again.start()
        with connect(again.url(OWNER)) as connection:
            assert connection.execute("SELECT value, current_database() FROM kept").fetchone() == (7, DATABASE)
        again.stop()
        assert not again.child.is_running()
