"""`./soc up`: starts the portal in order, keeps it running, and stops it in the reverse order."""

import contextlib
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from soc_portal.up.agents import AgentLine, free_port
from soc_portal.up.data_folder import DataFolder
from soc_portal.up.errors import StopRequested, UpError
from soc_portal.up.portal import Portal
from soc_portal.up.tls import Tls, TlsOptions

BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_STEADY_AFTER = 30.0


@dataclass(frozen=True)
class UpOptions:
    data: Path
    port: int = 8000
    demo: bool = True
    tls: TlsOptions | None = None
    agents_port: int | None = None
    lab: bool = False


@dataclass
class Restarts:
    """How often one part died of late, and when it may start again."""

    count: int = 0
    started: float = 0.0
    due: float | None = None

    def died(self, now: float) -> float:
        """Seconds until its next start."""
        self.count = 0 if now - self.started > _STEADY_AFTER else self.count
        pause = BACKOFF[min(self.count, len(BACKOFF) - 1)]
        self.count += 1
        self.due = now + pause
        return pause


def up(options: UpOptions) -> int:
    folder = DataFolder(options.data)
    if not folder.path.exists():  # and is not made for a portal that cannot start
        refuse_taken_port(options.port)
    with folder.lock(), stop_signals() as stop:
        tls = prepare_tls(folder, options.tls)
        refuse_taken_port(options.port, tls.address if tls else "127.0.0.1")
        agents = AgentLine(
            folder, free_port(options.agents_port, options.port), options.tls.hosts if options.tls else ()
        )
        portal = Portal(folder, port=options.port, demo=options.demo, tls=tls, agents=agents, lab=options.lab)
        try:
            portal.start()
            stop.end_of_start()
            if tls:
                tls.tell()
            print(f"READY {portal.url}", flush=True)
            portal.after_ready()
            supervise(portal, stop)
        except StopRequested:
            pass
        finally:
            stop.starting = False
            say("stopping")
            portal.stop()
    say("stopped")
    return 0


def prepare_tls(folder: DataFolder, options: TlsOptions | None) -> Tls | None:
    if options is None:
        return None
    tls = Tls(folder, options)
    tls.prepare()
    return tls


def supervise(portal: Portal, stop: "StopSignals") -> None:
    restarts = {name: Restarts(started=time.monotonic()) for name in portal.parts()}
    while not stop.requested:
        now = time.monotonic()
        for name, part in portal.parts().items():
            state = restarts[name]
            if part.is_running():
                continue
            if state.due is None:
                say(f"{name} ended; starting it again in {state.died(now):g} s{portal.where_it_logs(name)}")
            elif now >= state.due:
                state.due, state.started = None, now
                part.start()
                portal.record_children()
        portal.watch_demo()
        portal.look_after()
        stop.wait(_next_look(restarts, now))


def _next_look(restarts: dict[str, Restarts], now: float) -> float:
    due = [state.due - now for state in restarts.values() if state.due is not None]
    return max(min([1.0, *due]), 0.05)


class StopSignals:
    """SIGINT and SIGTERM interrupt the start, and end the supervision without an exception."""

    def __init__(self, wake: socket.socket) -> None:
        self.requested = False
        self.starting = True
        self._wake = wake

    def arrived(self, _number: int, _frame: FrameType | None) -> None:
        first, self.requested = not self.requested, True
        if self.starting and first:
            raise StopRequested

    def end_of_start(self) -> None:
        self.starting = False
        if self.requested:
            raise StopRequested

    def wait(self, seconds: float) -> None:
        """Until a signal arrives, the end of a child among them, or the time is over."""
        if self.requested:
            return
        if select.select([self._wake], [], [], seconds)[0]:
            self._wake.recv(1024)


@contextlib.contextmanager
def stop_signals() -> Iterator[StopSignals]:
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    stop = StopSignals(reader)
    signal.signal(signal.SIGINT, stop.arrived)
    signal.signal(signal.SIGTERM, stop.arrived)
    signal.signal(signal.SIGHUP, stop.arrived)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer.fileno())
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(-1)
        reader.close()
        writer.close()


def refuse_taken_port(port: int, address: str = "127.0.0.1") -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise UpError(f"port {port} cannot be used ({error.strerror}): choose another with --port") from error


def say(text: str) -> None:
    """A closed terminal or pipe must not keep the portal from stopping in order."""
    with contextlib.suppress(OSError):
        print(f"soc: {text}", file=sys.stderr, flush=True)
