"""What is forked from the nursery is a process like any other: the supervisor's own child, and replaced without it."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_portal.up import forked, nursery
from soc_portal.up.forked import Adopted, Forked, Nursery, Order
from soc_portal.up.processes import wait_until
from tests.running_portal import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere everything is started the plain way")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nursery")


@pytest.fixture(scope="module")
def one_nursery(folder: Path) -> Iterator[Nursery]:
    parent = Nursery(env=os.environ, log=folder / "nursery.log")
    try:
        yield parent
    finally:
        parent.stop()


@pytest.fixture
def born_from(one_nursery: Nursery) -> Nursery:
    if not one_nursery.is_ready():
        one_nursery.start()
    assert one_nursery.wait_until_ready(240), one_nursery.last_lines()
    return one_nursery


def web(folder: Path, parent: Nursery | None, *arguments: str) -> Forked:
    command = [sys.executable, "-P", "-m", "soc_portal.up.web", *arguments]
    return Forked("web", command, env=os.environ, log=folder / "logs" / "web.log", nursery=lambda: parent)


def is_adopted(child: Forked) -> bool:
    return isinstance(child._process, Adopted)


def test_a_child_of_the_nursery_serves_is_ours_and_holds_nothing_of_its_parent(
    born_from: Nursery, folder: Path
) -> None:
    port = free_port()
    child = web(folder, born_from, f"--port={port}")
    child.start()
    try:
        assert is_adopted(child)
        assert parent_of(child.pid) == os.getpid()
        assert os.getsid(child.pid or 0) == child.pid
        assert Path(f"/proc/{child.pid}/fd/0").readlink() == Path(os.devnull)
        assert Path(f"/proc/{child.pid}/fd/2").readlink() == child.log
        shown = Path(f"/proc/{child.pid}/cmdline").read_bytes().rstrip(b"\0")
        assert shown.decode() == " ".join(child.command)
        assert wait_until(lambda: listens(port), seconds=120), child.last_lines()
        os.kill(child.pid or 0, signal.SIGKILL)
        assert wait_until(lambda: not child.is_running(), seconds=30)
        assert child.poll() == -signal.SIGKILL
    finally:
        child.stop([])


def test_how_a_child_of_the_nursery_ended_is_heard(born_from: Nursery, folder: Path) -> None:
    child = web(folder, born_from, "--no-such-option")
    child.start()
    assert is_adopted(child)
    assert child.wait(120)
    assert child.poll() == 2
    assert "arguments are required: --port" in child.last_lines()


def test_the_nursery_makes_nothing_but_processes_of_the_portal(born_from: Nursery) -> None:
    assert not {order for order in nursery.MAINS if not order.startswith("soc_portal.up.")}
    assert "soc_portal.up.preparation" not in nursery.MAINS, "it speaks with the database as its owner"


def test_a_nursery_that_hangs_is_ended_and_the_child_started_without_it(
    born_from: Nursery, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forked, "_ANSWERS_WITHIN", 0.5)
    os.kill(born_from.pid or 0, signal.SIGSTOP)
    child = web(folder, born_from, "--help")
    child.start()
    assert not is_adopted(child)
    assert not born_from.is_running()
    assert child.wait(120)
    assert child.poll() == 0


def test_without_a_nursery_that_is_ready_nobody_waits_for_it(folder: Path) -> None:
    never_started = Nursery(env=os.environ, log=folder / "never.log")
    for parent in (None, never_started):
        child = web(folder, parent, "--help")
        child.start()
        assert not is_adopted(child)
        assert child.wait(120)


def test_nothing_is_forked_beside_a_thread() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert nursery.why_no_parent() == "it has more than one thread"
    finally:
        end.set()
        thread.join()


def test_nothing_is_forked_beside_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setattr(Path, "iterdir", lambda _: iter([Path("one")]))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert nursery.why_no_parent() == "it has an open connection"


def test_the_nursery_itself_has_nothing_to_share(born_from: Nursery) -> None:
    held = {one.name: one.readlink() for one in Path(f"/proc/{born_from.pid}/fd").iterdir()}
    assert held.pop("0").name.startswith("socket:")
    assert set(held.values()) == {born_from.log}
    assert len(list(Path(f"/proc/{born_from.pid}/task").iterdir())) == 1


def test_an_order_arrives_as_it_was_given() -> None:
    order = Order(["-P", "-m", "soc_portal.up.worker", "signer"], "/tmp/ü.log")
    heard = Order.heard(order.said())
    assert (heard, heard.module, heard.arguments) == (order, "soc_portal.up.worker", ["signer"])


def parent_of(pid: int | None) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False
