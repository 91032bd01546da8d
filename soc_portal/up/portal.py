"""The parts of one running portal: servers, web, workers, beat and the demo player."""

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Protocol

from soc_portal.up import environment, leftovers
from soc_portal.up.beat import Beat
from soc_portal.up.data_folder import ROOT, DataFolder, Instance
from soc_portal.up.errors import UpError
from soc_portal.up.postgres import APP, OWNER, Postgres
from soc_portal.up.preparation import prepare_database
from soc_portal.up.probe import ask_health
from soc_portal.up.processes import Child
from soc_portal.up.servers import make_socket_folder
from soc_portal.up.tls import Tls
from soc_portal.up.valkey import Valkey

_PYTHON = (sys.executable, "-P")
_READY_WITHIN = 120.0
_LARGEST_LOG = 20_000_000
_LOOKS_AT_LOGS_EVERY = 60.0


class Part(Protocol):
    """What the supervisor keeps running."""

    def start(self) -> None: ...
    def is_running(self) -> bool: ...


class Portal:
    def __init__(self, folder: DataFolder, *, port: int, demo: bool, tls: Tls | None = None) -> None:
        self.url = f"https://{tls.host}:{port}" if tls else f"http://127.0.0.1:{port}"
        self._tls, self._logs_looked_at = tls, 0.0
        self._folder, self._port, self._demo_wanted = folder, port, demo
        self._children_file = folder.path / "children.json"
        self._sockets: Path | None = None
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self.web = self.worker = self.mail = self.demo = Child("none", [])
        self.beat = Beat()

    def start(self) -> None:
        self._folder.make_secrets()
        self._shorten_logs()
        self._clear_leftovers()
        instance = self._start_servers()
        self._folder.write_instance(instance)
        owner = self._with_names(environment.of_instance(self._folder, instance, as_owner=True))
        runtime_role = APP if self.postgres else os.environ.get("SOC_RUNTIME_ROLE")
        prepare_database(owner, demo=self._demo_wanted, runtime_role=runtime_role)
        self._start_processes(self._with_names(environment.of_instance(self._folder, instance)))
        self._wait_until_healthy()

    def parts(self) -> dict[str, Part]:
        """In the order in which they are started."""
        servers = [server.child for server in (self.postgres, self.valkey) if server is not None]
        named: dict[str, Part] = {child.name: child for child in servers}
        return named | {"web": self.web, "worker": self.worker, "mail": self.mail, "beat": self.beat}

    def record_children(self) -> None:
        """On a full disk they go on without: the list only helps the next start where the kernel does not."""
        try:
            leftovers.record(self._children_file, self._children())
        except OSError as error:
            with contextlib.suppress(OSError):
                print(f"soc: {self._children_file} cannot be written: {error.strerror}", file=sys.stderr, flush=True)

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

    def look_after(self) -> None:
        """What needs a look now and then: the end of the certificate, the length of the logs."""
        if self._tls:
            self._tls.look_after()
        if time.monotonic() - self._logs_looked_at > _LOOKS_AT_LOGS_EVERY:
            self._logs_looked_at = time.monotonic()
            self._shorten_logs()

    def stop(self) -> None:
        """Within ten seconds. Only a worker's main process is told: its children finish what they are doing."""
        self.beat.stop()
        self.demo.stop([(signal.SIGTERM, 0.7)])
        self.web.send(signal.SIGTERM)
        for worker in (self.worker, self.mail):
            worker.send(signal.SIGTERM)
        deadline = time.monotonic() + 3.5
        self.web.wait(deadline - time.monotonic())
        self.worker.wait(deadline - time.monotonic())
        self.mail.wait(deadline - time.monotonic())
        self.web.stop([])
        # SIGQUIT makes it give running tasks back to the queue.
        self.worker.stop([(signal.SIGQUIT, 1.0)])
        self.mail.stop([(signal.SIGQUIT, 0.5)])
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
        certificate = str(self._tls.certificate) if self._tls else ""
        return Instance(os.getpid(), self.url, app_url, owner_url, redis_url, str(self._sockets), certificate)

    def _start_processes(self, env: dict[str, str]) -> None:
        web = ["-m", "soc_portal.up.web", f"--port={self._port}"]
        if self._tls:
            pair = [f"--certificate={self._tls.certificate}", f"--key={self._tls.key}"]
            web += [f"--address={self._tls.address}", *pair]
        self.web = Child("web", [*_PYTHON, *web], env=env, log=self._log("web"))
        self.worker = Child("worker", [*_PYTHON, "-m", "soc_portal.up.worker"], env=env, log=self._log("worker"))
        mail = ["-m", "soc_portal.up.worker", "mail"]
        self.mail = Child("mail", [*_PYTHON, *mail], env=env, log=self._log("mail"))
        self.demo = Child("demo", [*_PYTHON, str(ROOT / "manage.py"), "play_demo", "--unless-removed"], env=env)
        self.web.start()
        self.worker.start()
        self.mail.start()
        self.record_children()
        os.environ.update(env)  # beat reads the settings in this process
        self.beat.start()

    def _wait_until_healthy(self) -> None:
        deadline, answer = time.monotonic() + _READY_WITHIN, ""
        while time.monotonic() < deadline:
            for child in (self.web, self.worker, self.mail):
                if not child.is_running():
                    raise UpError(f"{child.name} does not start; the end of {child.log}:\n{child.last_lines()}")
            answer = ask_health(self._port, self._tls.certificate if self._tls else None)
            if not answer:
                return
            time.sleep(0.25)
        raise UpError(f"the portal is not healthy after {_READY_WITHIN:g} s: {answer}; see {self._folder.logs}")

    def _with_names(self, env: dict[str, str]) -> dict[str, str]:
        """The names that the certificate is for are answered, unless the caller said which."""
        if self._tls is None:
            return env
        named = [*self._tls.allowed_hosts, "127.0.0.1", "localhost", "[::1]"]
        own = {"SOC_ALLOWED_HOSTS": ",".join(dict.fromkeys(named)), "SOC_TLS_CERTIFICATE": str(self._tls.certificate)}
        return own | env

    def _children(self) -> list[Child]:
        servers = [server.child for server in (self.postgres, self.valkey) if server is not None]
        return [*servers, self.web, self.worker, self.mail, self.demo]

    def _clear_leftovers(self) -> None:
        leftovers.sweep(self._children_file)
        stale = self._folder.read_instance()
        if stale is not None and Path(stale.sockets).name.startswith("soc-"):
            shutil.rmtree(stale.sockets, ignore_errors=True)
        self._folder.forget_instance()

    def _log(self, name: str) -> Path:
        return self._folder.logs / f"{name}.log"

    def _shorten_logs(self) -> None:
        """What was written last is kept beside; the processes go on writing to the same file, which is empty then."""
        for log in self._folder.logs.glob("*.log"):
            with contextlib.suppress(OSError):
                if log.stat().st_size > _LARGEST_LOG:
                    shutil.copyfile(log, log.with_suffix(".log.1"))
                    os.truncate(log, 0)
