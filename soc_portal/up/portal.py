"""The parts of one running portal: servers, web, worker, beat and the demo player."""

import contextlib
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Protocol

from soc_portal.up import environment, leftovers
from soc_portal.up.beat import Beat
from soc_portal.up.data_folder import ROOT, DataFolder, Instance
from soc_portal.up.errors import UpError
from soc_portal.up.postgres import APP, OWNER, Postgres
from soc_portal.up.preparation import prepare_database
from soc_portal.up.processes import Child
from soc_portal.up.servers import make_socket_folder
from soc_portal.up.valkey import Valkey

_PYTHON = (sys.executable, "-P")
_READY_WITHIN = 120.0
_LARGEST_LOG = 20_000_000


class Part(Protocol):
    """What the supervisor keeps running."""

    def start(self) -> None: ...
    def is_running(self) -> bool: ...


class Portal:
    def __init__(self, folder: DataFolder, *, port: int, demo: bool) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._folder, self._port, self._demo_wanted = folder, port, demo
        self._children_file = folder.path / "children.json"
        self._sockets: Path | None = None
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self.web = self.worker = self.demo = Child("none", [])
        self.beat = Beat()

    def start(self) -> None:
        self._folder.make_secrets()
        self._shorten_logs()
        self._clear_leftovers()
        instance = self._start_servers()
        self._folder.write_instance(instance)
        owner = environment.of_instance(self._folder, instance, as_owner=True)
        runtime_role = APP if self.postgres else os.environ.get("SOC_RUNTIME_ROLE")
        prepare_database(owner, demo=self._demo_wanted, runtime_role=runtime_role)
        self._start_processes(environment.of_instance(self._folder, instance))
        self._wait_until_healthy()

    def parts(self) -> dict[str, Part]:
        """In the order in which they are started."""
        servers = [server.child for server in (self.postgres, self.valkey) if server is not None]
        named: dict[str, Part] = {child.name: child for child in servers}
        return named | {"web": self.web, "worker": self.worker, "beat": self.beat}

    def record_children(self) -> None:
        leftovers.record(self._children_file, self._children())

    def where_it_logs(self, name: str) -> str:
        return f" (see {self._log(name)})" if name != "beat" else ""

    def after_ready(self) -> None:
        if self._demo_wanted:
            self.demo.start()
            self.record_children()

    def watch_demo(self) -> None:
        """It ends by itself; only a failure is worth a word, and the next start takes it up again."""
        code = self.demo.poll()
        if code is not None:
            self.demo = Child("none", [])
            if code:
                print(f"soc: the demo player ended with code {code}", file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Within ten seconds. Only the worker's main process is told: its children finish what they are doing."""
        self.beat.stop()
        self.demo.stop([(signal.SIGTERM, 0.7)])
        self.web.send(signal.SIGTERM)
        self.worker.send(signal.SIGTERM)
        deadline = time.monotonic() + 3.5
        self.web.wait(deadline - time.monotonic())
        self.worker.wait(deadline - time.monotonic())
        self.web.stop([])
        # SIGQUIT makes it give running tasks back to the queue.
        self.worker.stop([(signal.SIGQUIT, 1.0)])
        if self.valkey:
            self.valkey.stop()
        if self.postgres:
            self.postgres.stop()
        self._folder.forget_instance()
        self._children_file.unlink(missing_ok=True)
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _start_servers(self) -> Instance:
        folder, self._sockets = self._folder, make_socket_folder()
        app_url = os.environ.get("DATABASE_URL", "")
        owner_url = os.environ.get("SOC_OWNER_DATABASE_URL", app_url)
        redis_url = os.environ.get("REDIS_URL", "")
        if not redis_url:
            self.valkey = Valkey(folder.valkey, sockets=self._sockets, log=self._log("valkey"))
            self.valkey.start()
            redis_url = self.valkey.url
        if not app_url:
            self.postgres = Postgres(
                folder.postgres, sockets=self._sockets, log=self._log("postgres"), passwords=folder.passwords()
            )
            self.postgres.start()
            app_url, owner_url = self.postgres.url(APP), self.postgres.url(OWNER)
        self.record_children()
        return Instance(os.getpid(), self.url, app_url, owner_url, redis_url, str(self._sockets))

    def _start_processes(self, env: dict[str, str]) -> None:
        web = ["-m", "uvicorn", "soc_portal.asgi:application", "--host", "127.0.0.1", "--port", str(self._port)]
        quiet = ["--log-level", "warning", "--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "1"]
        # Every client comes from this machine, which uvicorn would take for a proxy and believe what it says of itself.
        quiet += ["--no-proxy-headers"]
        self.web = Child("web", [*_PYTHON, *web, *quiet], env=env, log=self._log("web"))
        self.worker = Child("worker", [*_PYTHON, "-m", "soc_portal.up.worker"], env=env, log=self._log("worker"))
        self.demo = Child("demo", [*_PYTHON, str(ROOT / "manage.py"), "play_demo", "--unless-removed"], env=env)
        self.web.start()
        self.worker.start()
        self.record_children()
        os.environ.update(env)  # beat reads the settings in this process
        self.beat.start()

    def _wait_until_healthy(self) -> None:
        deadline, answer = time.monotonic() + _READY_WITHIN, ""
        while time.monotonic() < deadline:
            for child in (self.web, self.worker):
                if not child.is_running():
                    raise UpError(f"{child.name} does not start; the end of {child.log}:\n{child.last_lines()}")
            answer = self._ask_health()
            if not answer:
                return
            time.sleep(0.25)
        raise UpError(f"the portal is not healthy after {_READY_WITHIN:g} s: {answer}; see {self._folder.logs}")

    def _ask_health(self) -> str:
        """Empty when everything answers, else what does not."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5):  # noqa: S310 - our own address
                return ""
        except urllib.error.HTTPError as error:
            with error:
                return error.read(2000).decode(errors="replace")
        except OSError as error:
            return str(error)

    def _children(self) -> list[Child]:
        servers = [server.child for server in (self.postgres, self.valkey) if server is not None]
        return [*servers, self.web, self.worker, self.demo]

    def _clear_leftovers(self) -> None:
        leftovers.sweep(self._children_file)
        stale = self._folder.read_instance()
        if stale is not None and Path(stale.sockets).name.startswith("soc-"):
            shutil.rmtree(stale.sockets, ignore_errors=True)
        self._folder.forget_instance()

    def _log(self, name: str) -> Path:
        return self._folder.logs / f"{name}.log"

    def _shorten_logs(self) -> None:
        for log in self._folder.logs.glob("*.log"):
            with contextlib.suppress(OSError):
                if log.stat().st_size > _LARGEST_LOG:
                    log.replace(log.with_suffix(".log.1"))
