"""What lies in an instance's data folder, its secrets, and the lock that keeps a second portal out of it."""

import base64
import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from soc_portal.up import postgres, valkey
from soc_portal.up.errors import UpError
from soc_portal.up.postgres import Passwords

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Instance:
    """`instance.json`: how the other words reach the portal that runs on a data folder."""

    pid: int
    url: str
    database_url: str
    owner_database_url: str
    redis_url: str
    sockets: str
    certificate: str = ""  # presented over TLS; given ones lie outside of the folder
    agents_url: str = ""


class DataFolder:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        # A folder made by one major version never meets another.
        self.postgres = self.path / f"postgres-{postgres.MAJOR_VERSION}"
        self.valkey = self.path / f"valkey-{valkey.MAJOR_VERSION}"
        self.secret_key = self.path / "secrets" / "secret_key"
        self.encryption_keys = self.path / "secrets" / "encryption_keys"
        self._instance = self.path / "instance.json"

    def make(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UpError(f"cannot make the data folder {self.path}: {error.strerror}") from error
        self.refuse_strangers()
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise UpError(f"{self.path} belongs to another user: choose another folder with --data")
        self.logs.mkdir(mode=0o700, exist_ok=True)
        for other in self.path.glob("postgres-*"):
            if other.name.removeprefix("postgres-").isdigit() and other != self.postgres:
                raise UpError(
                    f"{self.path} was made by PostgreSQL {other.name.removeprefix('postgres-')}, this is "
                    f"{postgres.MAJOR_VERSION}: use another --data, or set DATABASE_URL to a server of that version"
                )

    def refuse_strangers(self) -> None:
        """Secrets and addresses are believed as they lie here, so nobody may have laid them but us and those who could
        change the portal's code as well."""
        if not self.path.exists():
            return
        found = self.path.stat()
        if found.st_uid not in {os.geteuid(), 0, ROOT.stat().st_uid}:
            raise UpError(f"{self.path} belongs to another user: choose another folder with --data")
        if found.st_mode & 0o002:
            raise UpError(f"anybody may write to {self.path}: choose another folder with --data")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Held by the kernel, so that a killed portal never leaves it behind."""
        self.make()
        with os.fdopen(os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UpError(self._who_runs()) from error
            yield

    def is_locked(self) -> bool:
        """Whether a portal runs, or starts, on this folder."""
        try:
            with (self.path / "lock").open("r+") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except (BlockingIOError, PermissionError):
            return True
        return False

    def _who_runs(self) -> str:
        running = self.read_instance()
        where = f" at {running.url} (process {running.pid})" if running else ""
        return f"a portal already runs on {self.path}{where}; stop it, or choose another folder with --data"

    def write_instance(self, instance: Instance) -> None:
        write_private(self._instance, json.dumps(asdict(instance), indent=2) + "\n")

    def read_instance(self) -> Instance | None:
        try:
            return Instance(**json.loads(self._instance.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def forget_instance(self) -> None:
        self._instance.unlink(missing_ok=True)

    def make_secrets(self) -> None:
        self._secret("secret_key", lambda: secrets.token_urlsafe(48))
        self._secret("encryption_keys", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())

    def passwords(self) -> Passwords:
        names = ("superuser", "owner", "app")
        return Passwords(**{name: self._secret(f"postgres_{name}", lambda: secrets.token_hex(24)) for name in names})

    def _secret(self, name: str, make: Callable[[], str]) -> str:
        file = self.path / "secrets" / name
        if not file.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
            write_private(file, make())
        return file.read_text()


def write_private(file: Path, text: str) -> None:
    """Whole or not at all, and readable by its owner only from the first byte."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    unfinished.replace(file)


def default_data_folder() -> Path:
    return Path(os.environ.get("SOC_DATA_DIR") or ROOT / "data")
