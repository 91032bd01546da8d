"""The parts of one running portal: servers, web, workers, beat and the demo player."""

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Protocol

from soc_portal.lab.beside import HOSTS, start_beside
from soc_portal.up import environment, leftovers
from soc_portal.up.agents import AgentLine
from soc_portal.up.beat import Beat
from soc_portal.up.data_folder import ROOT, DataFolder, Instance
from soc_portal.up.errors import UpError
from soc_portal.up.forked import Forked, Nursery
from soc_portal.up.postgres import APP, OWNER, Postgres
from soc_portal.up.preparation import prepare_database
from soc_portal.up.probe import ask_health
from soc_portal.up.processes import Child
from soc_portal.up.servers import make_socket_folder
from soc_portal.up.tls import Tls
from soc_portal.up.valkey import Valkey

_PYTHON = (sys.executable, "-P")
_READY_WITHIN = 120.0
_NURSERY_WITHIN = 90.0
_LARGEST_LOG = 20_000_000
_LOOKS_AT_LOGS_EVERY = 60.0


class Part(Protocol):
    """What the supervisor keeps running."""

    def start(self) -> None: ...
    def is_running(self) -> bool: ...


class Portal:
    def __init__(
        self,
        folder: DataFolder,
        *,
        port: int,
        demo: bool,
        agents: AgentLine,
        tls: Tls | None = None,
        lab: bool = False,
    ) -> None:
        self.url = f"https://{tls.host}:{port}" if tls else f"http://127.0.0.1:{port}"
        self._tls, self._agents, self._logs_looked_at = tls, agents, 0.0
        self._folder, self._port, self._demo_wanted, self._lab_wanted = folder, port, demo, lab
        self._env: dict[str, str] = {}
        self._children_file = folder.path / "children.json"
        self._sockets: Path | None = None
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self.web = self.worker = self.mail = self.demo = self.line = self.signer = self.lab = Child("none", [])
        self.analysis, self._analysis_due = Child("none", []), 0.0
        self.beat = Beat()
        self.nursery: Nursery | None = None

    def start(self) -> None:
        self._folder.make_secrets()
        self._agents.prepare()
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
        if self.nursery is not None:
            named["nursery"] = self.nursery
        return named | {
            "web": self.web, "worker": self.worker, "mail": self.mail, "signer": self.signer, "agents": self.line,
            "beat": self.beat,
        }  # fmt: skip

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
        if self._lab_wanted:
            self._start_lab()
        self.record_children()

    def _start_lab(self) -> None:
        """Hosts of its own to try things on; where the machine cannot, the company of the demo is simulated alone."""
        self.lab, reason = start_beside(self._folder, self._env)
        if reason:
            self.lab = Child("none", [])
            told = f"no Linux hosts run beside the portal: {reason}; the demo company is simulated"
        else:
            told = f"{HOSTS} Linux hosts (lab-1 to lab-{HOSTS}) join with real agents: what is done to them is done"
        with contextlib.suppress(OSError):
            print(f"soc: {told}", file=sys.stderr, flush=True)

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
        self._look_after_analysis()

    def stop(self) -> None:
        """Within ten seconds. Only a worker's main process is told: its children finish what they are doing."""
        self.beat.stop()
        self.lab.send(signal.SIGTERM)
        self.demo.stop([(signal.SIGTERM, 0.7)])
        workers = (self.worker, self.mail, self.signer, self.analysis)
        for child in (self.web, self.line, *workers):
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + 3.5
        for child in (self.web, self.line, *workers):
            child.wait(deadline - time.monotonic())
        self.web.stop([])
        self.line.stop([])
        # SIGQUIT makes it give running tasks back to the queue.
        self.worker.stop([(signal.SIGQUIT, 1.0)])
        self.mail.stop([(signal.SIGQUIT, 0.5)])
        self.signer.stop([(signal.SIGQUIT, 0.5)])
        self.lab.stop([(signal.SIGTERM, 3.0)])
        self.analysis.stop([(signal.SIGQUIT, 0.5)])
        if self.nursery:
            self.nursery.stop()
        if self.valkey:
            self.valkey.stop()
        if self.postgres:
            self.postgres.stop()
        self._folder.forget_instance()
        self._children_file.unlink(missing_ok=True)
        self._agents.link.unlink(missing_ok=True)
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
        return Instance(
            os.getpid(), self.url, app_url, owner_url, redis_url, str(self._sockets), certificate, self._agents.url
        )

    def _start_processes(self, env: dict[str, str]) -> None:
        self._env = env
        web = ["soc_portal.up.web", f"--port={self._port}"]
        if self._tls:
            pair = [f"--certificate={self._tls.certificate}", f"--key={self._tls.key}"]
            web += [f"--address={self._tls.address}", *pair]
        sockets = self._sockets or self._folder.path
        self.web = self._forked("web", *web)
        self.worker = self._forked("worker", "soc_portal.up.worker")
        self.mail = self._forked("mail", "soc_portal.up.worker", "mail")
        self.signer = self._forked("signer", "soc_portal.up.worker", "signer")
        self.line = self._forked("agents", *self._agents.command(sockets))
        analysis = [*_PYTHON, "-m", "soc_portal.up.worker", "analysis"]
        self.analysis = Child("analysis", analysis, env=env, log=self._log("analysis"))
        self._agents.link_socket(sockets)
        self.demo = Child("demo", [*_PYTHON, str(ROOT / "manage.py"), "play_demo", "--unless-removed"], env=env)
        self._start_nursery()
        for child in (self.web, self.worker, self.mail, self.signer, self.line):
            child.start()
        self.record_children()
        os.environ.update(env)  # beat reads the settings in this process
        self.beat.start()

    def _forked(self, name: str, module: str, *arguments: str) -> Forked:
        command = [*_PYTHON, "-m", module, *arguments]
        return Forked(name, command, env=self._env, log=self._log(name), nursery=lambda: self.nursery)

    def _start_nursery(self) -> None:
        """Linux only: elsewhere a child of somebody else cannot become ours."""
        if sys.platform == "linux":
            self.nursery = Nursery(env=self._env, log=self._log("nursery"))
            self.nursery.start()
            self.nursery.wait_until_ready(_NURSERY_WITHIN)

    def _wait_until_healthy(self) -> None:
        deadline, answer = time.monotonic() + _READY_WITHIN, ""
        while time.monotonic() < deadline:
            for child in (self.web, self.worker, self.mail, self.signer, self.line):
                if not child.is_running():
                    raise UpError(f"{child.name} does not start; the end of {child.log}:\n{child.last_lines()}")
            answer = ask_health(self._port, self._tls.certificate if self._tls else None)
            if not answer:
                return
            time.sleep(0.25)
        raise UpError(f"the portal is not healthy after {_READY_WITHIN:g} s: {answer}; see {self._folder.logs}")

    def _with_names(self, env: dict[str, str]) -> dict[str, str]:
        """The names that the certificate is for are answered, unless the caller said which."""
        env = {**env, **self._agents.environment()}
        if self._tls is None:
            return env
        named = [*self._tls.allowed_hosts, "127.0.0.1", "localhost", "[::1]"]
        own = {"SOC_ALLOWED_HOSTS": ",".join(dict.fromkeys(named)), "SOC_TLS_CERTIFICATE": str(self._tls.certificate)}
        return own | env

    def _children(self) -> list[Child]:
        servers = [server.child for server in (self.postgres, self.valkey) if server is not None]
        nursery = [self.nursery] if self.nursery is not None else []
        return [*servers, *nursery, self.web, self.worker, self.mail, self.signer, self.line, self.analysis, self.demo]

    def _look_after_analysis(self) -> None:
        """A worker for hostile files runs on this host only while an administrator's option says so."""
        wanted, runs = (self._folder.path / "analysis-here").exists(), self.analysis.is_running()
        if wanted and not runs and time.monotonic() >= self._analysis_due:
            self._analysis_due = time.monotonic() + 10.0  # one that cannot start is not tried all the time
            self.analysis.start()
            self.record_children()
        elif runs and not wanted:
            self.analysis.stop([(signal.SIGTERM, 3.0), (signal.SIGQUIT, 1.0)])

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
