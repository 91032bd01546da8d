"""One real portal: started, hurt, killed, started again, stopped."""

import http.cookiejar
import os
import re
import signal
import socket
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_portal.up.processes import is_alive, wait_until
from tests.running_portal import free_port
from tests.started_portal import StartedPortal

pytestmark = pytest.mark.slow


@pytest.fixture
def portal_at_work() -> Iterator[StartedPortal]:
    with tempfile.TemporaryDirectory(prefix="soc-up-") as folder:
        portal = StartedPortal(Path(folder) / "data")
        portal.start()
        try:
            yield portal
        finally:
            if portal.is_running():
                portal.end(signal.SIGTERM)


def test_a_portal_survives_the_kill_of_each_part_and_stops_without_orphans(portal_at_work: StartedPortal) -> None:
    portal = portal_at_work
    assert portal.run("manage", "audit", "verify").returncode == 0
    refused = portal.run("up", f"--port={free_port()}")
    assert "a portal already runs on" in refused.stderr

    for name, pid in portal.children().items():
        assert is_alive(pid), f"{name} ended by itself:\n{portal.last_lines()}"
        os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda pid=pid: pid not in portal.children().values(), seconds=20), name  # type: ignore[misc]
        assert wait_until(portal.is_healthy, seconds=30, pause=0.3), name

    children = portal.children()
    assert portal.end(signal.SIGTERM) < 10
    assert not [name for name, pid in children.items() if is_alive(pid)]
    assert "start it with ./soc up" in portal.run("manage", "audit", "verify").stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends the children")
def test_a_killed_portal_leaves_no_process_and_starts_again(portal_at_work: StartedPortal) -> None:
    portal = portal_at_work
    children = portal.children()
    assert "shown once" in portal.output
    portal.end(signal.SIGKILL)
    portal.start()
    assert not [name for name, pid in children.items() if is_alive(pid)]
    assert portal.is_healthy()
    assert "shown once" not in portal.output, "the first passwords are shown once"
    assert portal.end(signal.SIGINT) < 10


def test_strangers_neither_lift_a_lock_out_by_what_they_say_nor_cause_an_error(portal_at_work: StartedPortal) -> None:
    assert status_of(f"{portal_at_work.url}/static/%2e%2e/manage.py") == 404
    answers = [sign_in(portal_at_work.url, said=f"203.0.113.{number}") for number in range(7)]
    assert answers[-1] == 429, answers


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def sign_in(url: str, *, said: str) -> int:
    """With a wrong password, from the address that the header says."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    browser.addheaders = [("X-Forwarded-For", said)]
    form = browser.open(f"{url}/accounts/login/").read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
    assert token is not None
    words = {"csrfmiddlewaretoken": token[1], "login": "admin", "password": "wrong"}
    try:
        with browser.open(f"{url}/accounts/login/", urllib.parse.urlencode(words).encode()) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    portal = StartedPortal(tmp_path / "data")
    with socket.create_server(("127.0.0.1", portal.port)):
        answer = portal.run("up", f"--port={portal.port}")
    assert answer.returncode == 1
    reason = "cannot be used (Address already in use): choose another with --port"
    assert answer.stderr.splitlines() == [f"soc: port {portal.port} {reason}"]
    assert not (tmp_path / "data").exists()
