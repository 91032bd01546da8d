"""Database and broker together: the pair of an instance, or a throw-away pair for tests and benchmarks."""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from soc_portal.up.postgres import APP, OWNER, Passwords, Postgres
from soc_portal.up.processes import is_alive
from soc_portal.up.valkey import Valkey

_SCRATCH_PREFIX = "soc-scratch-"
_LONGEST_BASE = 60  # a socket's path must stay below 108 bytes


@dataclass(frozen=True)
class Addresses:
    """Where the servers answer: as the owner of the tables, as the running portal, and the broker."""

    owner_url: str
    app_url: str
    redis_url: str


def short_folder() -> Path:
    """A folder that exists, is private to a user or sticky, and leaves room for a socket's name."""
    for name in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir()):
        if name and len(name) < _LONGEST_BASE and os.access(name, os.W_OK):
            return Path(name)
    return Path("/tmp")  # noqa: S108 - mkdtemp below makes an unguessable private folder in it


def make_socket_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="soc-", dir=short_folder()))


@contextlib.contextmanager
def scratch_servers(*, durable: bool = False) -> Iterator[Addresses]:
    """A private pair that vanishes afterwards. Servers named by DATABASE_URL or REDIS_URL are used instead."""
    _sweep_scratch()
    folder = Path(tempfile.mkdtemp(prefix=_SCRATCH_PREFIX, dir=_scratch_base()))
    (folder / "owner.pid").write_text(str(os.getpid()))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        owner_url = app_url = os.environ.get("DATABASE_URL", "")
        redis_url = os.environ.get("REDIS_URL", "")
        if not owner_url:
            postgres = scratch_postgres(folder, durable=durable)
            stack.callback(postgres.stop)
            postgres.start()
            owner_url, app_url = postgres.url(OWNER), postgres.url(APP)
        if not redis_url:
            valkey = Valkey(folder / "valkey", sockets=folder, log=folder / "valkey.log", durable=durable)
            stack.callback(valkey.stop)
            valkey.start()
            redis_url = valkey.url
        yield Addresses(owner_url, app_url, redis_url)


def scratch_postgres(folder: Path, *, durable: bool) -> Postgres:
    passwords = Passwords(*(secrets.token_hex(12) for _ in range(3)))
    return Postgres(
        folder / "postgres", sockets=folder, log=folder / "postgres.log", passwords=passwords, durable=durable
    )


def _scratch_base() -> Path:
    """Not the run-time folder, which is often a small memory disk."""
    base = tempfile.gettempdir()
    return Path(base if len(base) < _LONGEST_BASE else "/tmp")  # noqa: S108 - as above


def _sweep_scratch() -> None:
    """Remove what killed runs of this user left behind."""
    for folder in _scratch_base().glob(f"{_SCRATCH_PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            if folder.stat().st_uid == os.geteuid() and not is_alive(int((folder / "owner.pid").read_text())):
                shutil.rmtree(folder, ignore_errors=True)
