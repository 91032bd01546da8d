"""Web, workers and beat as they run in `./soc up`, on the database and broker of the running test."""

import contextlib
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from django.db import connection

from core import heartbeat
from soc_portal.up.beat import Beat
from soc_portal.up.processes import Child, wait_until

_PYTHON = (sys.executable, "-P", "-m")


@contextlib.contextmanager
def running_portal(
    logs: Path, more: Mapping[str, str] = MappingProxyType({}), *, host: str = "127.0.0.1"
) -> Iterator[str]:
    """Yield the address when pages are served and the worker has answered. `more` are settings of these processes."""
    port = free_port()
    url = f"http://{host}:{port}"
    env = {**os.environ, "DATABASE_URL": database_url_of_this_test(), "SOC_PUBLIC_URL": url, **more}
    children = [
        Child("web", [*_PYTHON, "soc_portal.up.web", f"--port={port}"], env=env, log=logs / "web.log"),
        Child("worker", [*_PYTHON, "soc_portal.up.worker"], env=env, log=logs / "worker.log"),
        Child("mail", [*_PYTHON, "soc_portal.up.worker", "mail"], env=env, log=logs / "mail.log"),
    ]
    beat = Beat()
    heartbeat.forget()
    try:
        for child in children:
            child.start()
        beat.start()
        for child, answers in zip(children, (lambda: serves(url), worker_answers), strict=False):
            assert wait_until(answers, seconds=60, pause=0.2), f"{child.name} is not ready:\n{child.last_lines(40)}"
        yield url
    finally:
        beat.stop()
        for child in children:
            child.send(signal.SIGTERM)
        for child in children:
            child.stop([(signal.SIGTERM, 5.0), (signal.SIGQUIT, 2.0)])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def database_url_of_this_test() -> str:
    """The address the run was given, with the database that pytest-django made for this process."""
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"{server}/{connection.settings_dict['NAME']}"


def serves(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/accounts/login/", timeout=10):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return error.code < 500
    except OSError:
        return False


def worker_answers() -> bool:
    return heartbeat.age_s("worker") is not None
