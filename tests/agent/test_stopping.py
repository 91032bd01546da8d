"""What a command does in a thread ends with the command, and what was done until then is told; a journal that takes
nothing begins nothing."""

import asyncio
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from soc_agent import actions, antivirus, quarantine, sweep
from soc_agent.carry_out import Orders, Work
from soc_agent.host import Host
from soc_agent.journal import Journal, State
from soc_agent.live import stoppable
from soc_agent.live.stoppable import Stop, in_thread
from soc_agent.orders import Command
from soc_agent.package.collect import Room, Step
from tests.agent.hosts import a_host
from tests.agent.test_orders import DEVICE, Noted, command, trust

LONG_S = 60.0


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = a_host(tmp_path / "host")
    yield made
    made.journal.close()


def carried_out(path: Path, work: Work, *, cancel_when: Callable[[], bool] | None = None, **fields: Any) -> Any:
    """The entry of one command, which is cancelled when that is so."""

    async def done() -> Any:
        with closing(Journal(path)) as journal:
            orders = Orders(DEVICE, trust(), journal, {fields.get("action", "note"): work})
            name = await orders.take_command(command(**fields))
            if cancel_when is not None:
                assert await asyncio.to_thread(wait_until, cancel_when)
                orders.cancel(name)
            return await orders.ended(name)

    return asyncio.run(done())


def wait_until(is_so: Callable[[], bool]) -> bool:
    until = time.monotonic() + LONG_S
    while not is_so() and time.monotonic() < until:
        time.sleep(0.01)
    return is_so()


class Slow:
    """Works in a thread until it is told to stop, and tells how far it came."""

    def __init__(self) -> None:
        self.begun, self.over = threading.Event(), threading.Event()

    async def __call__(self, _order: Command) -> tuple[State, dict[str, Any]]:
        return await in_thread(self._work)

    def _work(self, stop: Stop) -> tuple[State, dict[str, Any]]:
        self.begun.set()
        until = time.monotonic() + LONG_S
        while not stop.asked and time.monotonic() < until:
            time.sleep(0.01)
        self.over.set()
        return State.SUCCEEDED, {"taken": ["a"], "detail": "far"}


def test_what_timed_out_has_ended_and_tells_what_it_did(tmp_path: Path) -> None:
    slow = Slow()
    entry = carried_out(tmp_path / "j", slow, run_s=1)
    assert slow.over.is_set()
    assert (entry.state, entry.result["taken"]) == (State.TIMED_OUT, ["a"])
    assert "within 1 seconds" in entry.result["detail"]


def test_what_was_cancelled_has_ended_and_tells_what_it_did(tmp_path: Path) -> None:
    slow = Slow()
    entry = carried_out(tmp_path / "j", slow, cancel_when=slow.begun.is_set)
    assert slow.over.is_set()
    assert (entry.state, entry.result["taken"]) == (State.CANCELLED, ["a"])


def test_a_step_that_does_not_end_is_told_and_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stoppable, "ENDS_WITHIN_S", 0.1)
    begun, let_go = threading.Event(), threading.Event()

    def hang(_stop: Stop) -> None:
        begun.set()
        let_go.wait(LONG_S)

    async def work(_order: Command) -> tuple[State, dict[str, Any]]:
        asyncio.get_running_loop().call_later(0.5, let_go.set)
        await in_thread(hang)
        return State.SUCCEEDED, {}

    entry = carried_out(tmp_path / "j", work, cancel_when=begun.is_set)
    assert (entry.state, entry.result["code"]) == (State.CANCELLED, "still_running")


def hold_the_first(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Of the files that are taken the first one waits until the command was told to end; set when it is there."""
    first, told, asked = threading.Event(), threading.Event(), Stop.set

    def take(path: str, *more: Any, **also: Any) -> Any:
        taken = quarantine.take(path, *more, **also)
        first.set()
        told.wait(LONG_S)
        return taken

    def tell(stop: Stop) -> None:
        asked(stop)
        told.set()

    monkeypatch.setattr(actions, "take", take)
    monkeypatch.setattr(Stop, "set", tell)
    return first


def test_a_quarantine_that_is_stopped_leaves_the_other_files_and_names_them(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, paths = os.urandom(64), [tmp_path / name for name in ("one", "two", "three")]
    for path in paths:
        path.write_bytes(content)
    wanted = {"sha256": hashlib.sha256(content).hexdigest(), "paths": [str(path) for path in paths]}
    entry = carried_out(
        tmp_path / "j", actions.works(host)["file.quarantine"], cancel_when=hold_the_first(monkeypatch).is_set,
        action="file.quarantine", arguments=wanted,
    )  # fmt: skip
    assert entry.state is State.CANCELLED
    assert [one["path"] for one in entry.result["taken"]] == [str(paths[0])]
    assert [(one["path"], one["code"]) for one in entry.result["refused"]] == [
        (str(path), "stopped") for path in paths[1:]
    ]
    assert [path.exists() for path in paths] == [False, True, True]


def endless(begun: threading.Event, told: threading.Event) -> Callable[[Room], Iterator[dict[str, Any]]]:
    """A step that has rows for ever, and notes when it was told to end."""

    def rows(room: Room) -> Iterator[dict[str, Any]]:
        begun.set()
        until = time.monotonic() + LONG_S
        while time.monotonic() < until:
            if room.stop is not None and room.stop.asked:
                told.set()
            yield {}
            time.sleep(0.01)

    return rows


def test_a_package_that_is_stopped_leaves_nothing_behind(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, told = threading.Event(), threading.Event()
    later: list[str] = []

    def never(_room: Room) -> list[dict[str, Any]]:
        later.append("read")
        return []

    steps = [Step("one", "", "", endless(begun, told)), Step("two", "", "", never)]
    monkeypatch.setattr(actions, "STEPS", steps)
    work = actions.works(host)["device.collect_package"]
    entry = carried_out(tmp_path / "j", work, cancel_when=begun.is_set, action="device.collect_package")
    assert entry.state is State.CANCELLED
    assert told.is_set()
    assert later == []
    assert [one.name for one in host.folders.state.glob("package-*")] == []


@pytest.mark.parametrize(("module", "kind", "name"), [
    (antivirus, "Run", "device.antivirus_scan"), (sweep, "Sweep", "device.sweep"),
])  # fmt: skip
def test_a_look_through_the_host_that_is_stopped_tells_what_it_saw(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, kind: str, name: str
) -> None:
    begun = threading.Event()

    class Run:
        def __init__(self, _host: Host, _order: Command) -> None:
            self.over = threading.Event()

        def look(self) -> tuple[State, dict[str, Any]]:
            begun.set()
            return State.PARTIALLY_SUCCEEDED, {"stopped": self.over.wait(LONG_S)}

        scan = look

    monkeypatch.setattr(module, kind, Run)
    work = module.works(host)[name]
    entry = carried_out(tmp_path / "j", work, cancel_when=begun.is_set, action=name)
    assert (entry.state, entry.result["stopped"]) == (State.CANCELLED, True)


# ---- a journal without room ----


def test_without_room_in_the_journal_nothing_is_begun_until_there_is(tmp_path: Path) -> None:
    noted = Noted()

    async def done() -> None:
        with closing(Journal(tmp_path / "j")) as journal:
            orders = Orders(DEVICE, trust(), journal, {"note": noted})
            room = int(journal._do("PRAGMA max_page_count").fetchone()[0])
            used = int(journal._do("PRAGMA page_count").fetchone()[0])
            journal._do(f"PRAGMA max_page_count = {used}")
            full = await _first_refused(orders)
            (waits,) = [one for one in orders.waiting() if one["id"] == full]
            assert (waits["code"], "full" in waits["detail"]) == ("no_room", True)
            assert journal.entry(full) is None
            assert full not in noted.done
            journal._do(f"PRAGMA max_page_count = {room}")
            again = command(id=full)
            entry = await orders.ended(await orders.take_command(again))
            assert entry is not None
            assert entry.state is State.SUCCEEDED
            assert noted.done.count(full) == 1
            assert full not in [one["id"] for one in orders.waiting()]

    asyncio.run(done())


async def _first_refused(orders: Orders) -> str:
    """The id of the first command that the journal does not take."""
    for number in range(400):
        name = f"{number:04}" + "n" * 70
        try:
            await orders.take_command(command(id=name))
        except sqlite3.OperationalError:
            return name
    raise AssertionError("There was always room.")
