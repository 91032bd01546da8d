"""The portal that a word is about: running, stopped (then its database is started alone), or named by variables."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from soc_portal.up import environment, leftovers
from soc_portal.up.data_folder import DataFolder, Instance
from soc_portal.up.errors import UpError
from soc_portal.up.postgres import APP, OWNER, Postgres
from soc_portal.up.servers import make_socket_folder

NO_BROKER = "redis://127.0.0.1:9/0"


@dataclass(frozen=True)
class Source:
    """`env` is that of a command on the portal, as the owner of its tables."""

    env: dict[str, str]
    running: bool

    @property
    def owner_url(self) -> str:
        return self.env["DATABASE_URL"]


def variable(name: str) -> str:
    """Of the environment or of the file that `NAME_FILE` names; empty when there is neither."""
    if name in os.environ:
        return os.environ[name]
    file = os.environ.get(f"{name}_FILE")
    return Path(file).read_text().strip() if file else ""


@contextlib.contextmanager
def source_of(data: Path) -> Iterator[Source]:
    """Yields with the database answering."""
    if not environment.placeholders():
        owner = variable("SOC_OWNER_DATABASE_URL") or variable("DATABASE_URL")
        yield Source(_with_owner(dict(os.environ), owner), running=True)
        return
    folder = DataFolder(data)
    folder.refuse_strangers()
    instance = folder.read_instance()
    if instance is not None and folder.is_locked():
        yield Source(environment.of_instance(folder, instance, as_owner=True), running=True)
        return
    if folder.is_locked():
        raise UpError(f"the portal of {folder.path} starts or stops just now, or another word works on it: try again")
    if not folder.secret_key.exists():
        raise UpError(f"no portal lies in {folder.path}: name its folder with --data")
    with folder.lock(), database_alone(folder) as alone:
        yield Source(environment.of_instance(folder, alone, as_owner=True), running=False)


@contextlib.contextmanager
def database_alone(folder: DataFolder, *, embedded: bool = False) -> Iterator[Instance]:
    """The database of a folder that the caller has locked, without anything that works on it; `embedded` is the one in
    the folder, whatever the variables name."""
    external = "" if embedded else variable("DATABASE_URL")
    if external:
        owner = variable("SOC_OWNER_DATABASE_URL") or external
        yield Instance(os.getpid(), "http://127.0.0.1:8000", external, owner, NO_BROKER, "")
        return
    leftovers.sweep(folder.path / "children.json")
    with contextlib.ExitStack() as stack:
        sockets = make_socket_folder()
        stack.callback(_remove, sockets)
        server = Postgres(
            folder.postgres, sockets=sockets, log=folder.logs / "postgres.log", passwords=folder.passwords()
        )
        stack.callback(server.stop)
        server.start()
        yield Instance(
            os.getpid(), "http://127.0.0.1:8000", server.url(APP), server.url(OWNER), NO_BROKER, str(sockets)
        )


def _with_owner(env: dict[str, str], owner: str) -> dict[str, str]:
    env.pop("DATABASE_URL_FILE", None)
    return {**env, "DATABASE_URL": owner}


def _remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink(missing_ok=True)
    folder.rmdir()
