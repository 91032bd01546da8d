"""A raw shell on a host: what is typed has to be the portal's, output comes whole and in order, and it ends with
all that it started when its time is over, when nobody types, when nobody hears it, and when it is called off."""

import asyncio
import base64
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from soc_agent.host import Host, NotAnswered
from soc_agent.journal import State
from soc_agent.live import shell as shells
from soc_agent.live.keyboard import BadTyping, Keyboard, signed_text
from soc_agent.live.works import works
from soc_agent.orders import Command, Effect, Refused
from tests.agent.hosts import a_host

NAME = "live-7"
LONG_S = 60.0


class Desk:
    """The portal's end of a shell: holds what was said, hands out what is typed."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.said, self.seq, self.typed, self.close = "", 0, list[dict[str, str]](), ""
        self.lost, self.deaf = False, 0
        self.changed = asyncio.Event()

    @property
    def public(self) -> str:
        return base64.b64encode(self.key.public_key().public_bytes_raw()).decode()

    def type(self, data: str = "", *, shell: str = NAME, **more: Any) -> None:
        body = json.dumps({"seq": len(self.typed) + 1, "data": data, **more})
        signature = base64.b64encode(self.key.sign(signed_text(shell, body))).decode()
        self.typed.append({"body": body, "signature": signature})
        self.changed.set()

    def end(self, why: str) -> None:
        self.close = why
        self.changed.set()

    async def wish(self, kind: str, within_s: float, **asked: Any) -> dict[str, Any]:
        assert (kind, asked["path"]) == ("stream", f"/agent/v1/live/{NAME}")
        if self.lost:
            raise NotAnswered("away")
        value = asked["value"]
        if asked["lane"] == "up":
            return {"answer": self._take(value)}
        while not self.close and len(self.typed) <= value["taken"]:
            self.changed.clear()
            await self.changed.wait()
        return {"answer": {"input": self.typed[value["taken"] :], "close": self.close}}

    def _take(self, value: dict[str, Any]) -> dict[str, Any]:
        if self.deaf:
            self.deaf -= 1
            raise NotAnswered("the answer was lost")
        if value["seq"] == self.seq + 1:
            self.seq, self.said = value["seq"], self.said + value["text"]
        self.changed.set()
        return {"taken": self.seq}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    found = a_host(tmp_path / "host")
    yield found
    found.journal.close()


def order(desk: Desk, **more: Any) -> Command:
    told = {"session": "LR-7", "until": int(time.time()) + 600, "idle_s": 600, "key": desk.public, **more}
    return Command(NAME, "d" * 64, "live.shell", told, Effect.ONCE, 0, 2**39, 900)


async def until(what: Callable[[], Any], desk: Desk) -> None:
    limit = time.monotonic() + LONG_S
    while not what():
        assert time.monotonic() < limit, desk.said
        await asyncio.sleep(0.05)


def opened(host: Host, play: Callable[[Desk, "asyncio.Task[Any]"], Any], **more: Any) -> tuple[Any, Desk]:
    """Open a shell and play with it; what came of it."""

    async def run() -> tuple[Any, Desk]:
        desk = Desk()
        host.news = desk  # type: ignore[assignment]
        task = asyncio.ensure_future(works(host)["live.shell"](order(desk, **more)))
        await play(desk, task)
        found = await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), LONG_S)
        return found[0], desk

    return asyncio.run(run())


async def _do(host: Host, command: Command) -> tuple[State, dict[str, Any]]:
    return await works(host)["live.shell"](command)


def alive(word: str) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = place.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if word in text:
            found.append(text)
    return found


def test_a_shell_answers_what_is_typed_and_ends_when_it_is_left(host: Host) -> None:
    async def play(desk: Desk, task: "asyncio.Task[Any]") -> None:
        desk.type("echo $((6*7)) $TERM\r")
        await until(lambda: "42 xterm-256color" in desk.said, desk)
        desk.type(columns=77, rows=21)
        desk.type("stty size; tty\r")
        await until(lambda: "21 77" in desk.said and "/dev/pts/" in desk.said, desk)
        desk.type("echo last; exit\r")

    (state, result), desk = opened(host, play)
    assert (state, result["text"]) == (State.SUCCEEDED, "The shell has ended.")
    assert "last" in desk.said
    assert (result["typed"], result["sent"]) == (4, len(desk.said))


def test_much_output_comes_whole_and_in_order_though_answers_are_lost(host: Host) -> None:
    async def play(desk: Desk, task: "asyncio.Task[Any]") -> None:
        desk.deaf = 3
        desk.type("stty -echo; PS1=; seq 1 40000; echo done; exit\r")

    (state, _), desk = opened(host, play)
    lines = re.sub(r"\x1b\[\?2004[hl]|\r", "", desk.said).split("\n")
    begin = lines.index("1")
    assert lines[begin : begin + 40_001] == [*map(str, range(1, 40_001)), "done"]
    assert state == State.SUCCEEDED


def test_the_terminal_is_not_read_while_too_much_waits(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(desk: Desk, task: "asyncio.Task[Any]") -> None:
        desk.deaf = 10**6
        desk.type("yes\r")
        await until(lambda: desk.deaf < 10**6 - 2, desk)
        desk.end("enough")

    monkeypatch.setattr(shells, "MOST_UNSENT", 50_000)
    held: list[int] = []
    read = shells.Shell._readable

    def seen(self: shells.Shell) -> None:
        read(self)
        held.append(len(self._unsent))

    monkeypatch.setattr(shells.Shell, "_readable", seen)
    (_, result), _ = opened(host, play)
    assert result["text"] == "enough"
    assert max(held) <= 50_000 + 2 * shells.READ


def test_what_it_started_ends_with_it(host: Host) -> None:
    word = f"600.{os.getpid()}"

    async def play(desk: Desk, task: "asyncio.Task[Any]") -> None:
        desk.type(f"sleep {word} & nohup sleep {word} &\r")
        await until(lambda: len(alive(f"sleep {word}")) >= 2, desk)
        task.cancel()

    found, _ = opened(host, play)
    assert isinstance(found, asyncio.CancelledError)
    assert alive(f"sleep {word}") == []


@pytest.mark.parametrize(
    ("more", "why"),
    [({"idle_s": 1}, "Nobody typed."), ({"until": int(time.time()) + 2}, "The time of the shell is over.")],
)
def test_it_ends_by_itself(host: Host, more: dict[str, int], why: str) -> None:
    async def play(desk: Desk, task: "asyncio.Task[Any]") -> None:
        return None

    if "until" in more:
        more = {"until": int(time.time()) + 3}
    (state, result), _ = opened(host, play, **more)
    assert (state, result["text"]) == (State.SUCCEEDED, why)


def test_it_ends_when_the_portal_is_not_heard(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(desk: Desk, task: "asyncio.Task[Any]") -> None:
        desk.lost = True

    monkeypatch.setattr(shells, "LOST_S", 1.0)
    (_, result), _ = opened(host, play)
    assert result["text"] == "The portal was not heard."


def test_what_the_portal_did_not_sign_is_not_typed(host: Host, tmp_path: Path) -> None:
    async def play(desk: Desk, task: "asyncio.Task[Any]") -> None:
        desk.type(f"touch {tmp_path}/typed\r", shell="live-8")

    (_, result), _ = opened(host, play)
    assert result["text"] == "What came as input is not the portal's."
    assert not (tmp_path / "typed").exists()


def test_one_shell_at_a_time(host: Host) -> None:
    async def play(desk: Desk, task: "asyncio.Task[Any]") -> None:
        await until(lambda: desk.said, desk)
        with pytest.raises(Refused, match="open on this host"):
            await works(host)["live.shell"](order(desk))
        desk.type("exit\r")

    (state, _), _ = opened(host, play)
    assert state == State.SUCCEEDED


@pytest.mark.parametrize(
    "more", [{"until": 1}, {"until": int(time.time()) + 10**6}, {"idle_s": 0}, {"key": "no"}, {"key": 7}, {"rows": "x"}]
)
def test_terms_that_are_none_open_nothing(host: Host, more: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        asyncio.run(_do(host, order(Desk(), **more)))


@pytest.mark.parametrize("body", ["{}", "[]", "7", '{"seq": "1"}', '{"seq": 1, "data": 7}', '{"seq": true}', "{"])
def test_input_that_is_none_is_refused_though_it_is_signed(body: str) -> None:
    desk = Desk()
    signature = base64.b64encode(desk.key.sign(signed_text(NAME, body))).decode()
    with pytest.raises(BadTyping):
        Keyboard(NAME, desk.public).take([{"body": body, "signature": signature}])


def test_input_is_taken_once_and_in_order() -> None:
    desk = Desk()
    for letter in "abc":
        desk.type(letter)
    keyboard = Keyboard(NAME, desk.public)
    assert keyboard.take([desk.typed[1]]) == []
    assert [one.data for one in keyboard.take([*desk.typed, desk.typed[0]])] == ["a", "b", "c"]
    assert keyboard.take(desk.typed) == []
