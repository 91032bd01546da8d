"""The web process as it runs in the embedded shape, on the database of the measurement, and clients of it."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from accounts.enums import ScopeKind, UserKind
from accounts.models import Role
from accounts.services.people import create_user
from accounts.services.tokens import issue_token
from core.actors import Actor

BENCH = Actor.system("bench")
READY_WITHIN_S = 60


def make_token(role: str) -> str:
    """A token of a service account with this built-in role."""
    user = create_user(
        f"bench-{role}", display_name=f"Bench {role}", roles=[Role.objects.get(key=role)], scope_kind=ScopeKind.ALL,
        kind=UserKind.SERVICE, actor=BENCH,
    )  # fmt: skip
    return issue_token(user, name="bench", lifetime=timedelta(hours=2), actor=BENCH)[1]


@contextlib.contextmanager
def served() -> Iterator[int]:
    """Yield the port once the web process answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    words = [sys.executable, "-P", "-m", "uvicorn", "soc_portal.asgi:application", "--port", str(port),
             "--log-level", "warning"]  # fmt: skip
    env = {**os.environ, "SOC_INGEST_RATE": "10000000/min", "SOC_API_RATE": "10000000/min"}
    with tempfile.TemporaryFile() as log, subprocess.Popen(words, env=env, stdout=log, stderr=log) as web:
        try:
            _wait_until_ready(port, web)
            yield port
        finally:
            web.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                web.wait(timeout=10)
            web.kill()


def _wait_until_ready(port: int, web: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if web.poll() is not None:
            raise RuntimeError("The web process has ended.")
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            connection.close()
            return
        time.sleep(0.2)
    raise RuntimeError("The web process does not answer.")


def post_all(port: int, token: str, path: str, bodies: Sequence[bytes], *, clients: int) -> list[float]:
    """Send every body once, from so many clients at once; answers how long each took. Anything but 202 raises."""
    parts = [bodies[start::clients] for start in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        return [took for part in pool.map(_client(port, token, path), parts) for took in part]


def _client(port: int, token: str, path: str) -> Callable[[Sequence[bytes]], list[float]]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def send(bodies: Sequence[bytes]) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        times = []
        for body in bodies:
            begun = time.perf_counter()
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status != 202:
                raise RuntimeError(f"{response.status}: {answer[:300]!r}")
            times.append(time.perf_counter() - begun)
        connection.close()
        return times

    return send
