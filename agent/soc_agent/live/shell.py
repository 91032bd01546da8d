"""A shell on a terminal of its own, opened by a signed command and by nothing else.

Output goes to the portal in numbered parts, one at a time, and the terminal is read no further while too much waits;
input comes signed (`keyboard`). It ends at the time that the command names, when nobody types, when the portal is not
heard, when the command is cancelled, and with everything that it started in its session.
"""

import asyncio
import codecs
import fcntl
import os
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soc_agent.host import Host, NotAnswered
from soc_agent.live.answer import Answer
from soc_agent.live.keyboard import BadTyping, Keyboard
from soc_agent.orders import Command, Refused

LONGEST_S = 8 * 3600
MOST_UNSENT, PART, READ = 256 * 1024, 32 * 1024, 16 * 1024
PACE_S, AGAIN_S, LOST_S, HOLD_S, ENDS_WITHIN_S = 0.1, 0.5, 60.0, 20, 5.0
TERMINAL = Path(__file__).with_name("terminal.py")
_open: set[Path] = set()


@dataclass(frozen=True, slots=True)
class Terms:
    """What the command allows: until when, for how long nobody may type, and who types."""

    until: float
    idle_s: float
    key: str
    columns: int = 120
    rows: int = 36


def terms_of(arguments: Mapping[str, Any], *, now: float | None = None) -> Terms:
    """Raises `Refused`."""
    moment = time.time() if now is None else now
    until, idle_s, key = arguments.get("until"), arguments.get("idle_s"), arguments.get("key")
    numbers = [until, idle_s, arguments.get("columns", 120), arguments.get("rows", 36)]
    if not all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in numbers):
        raise Refused("bad_arguments", "A shell has an end, a time in which somebody types, and a size.")
    if not isinstance(key, str):
        raise Refused("bad_arguments", "A shell has the key of who types.")
    if not moment < numbers[0] <= moment + LONGEST_S:
        raise Refused("expired", "The time of the shell is over, or longer than any.")
    return Terms(float(numbers[0]), float(numbers[1]), key, min(numbers[2], 500), min(numbers[3], 200))


async def open_shell(order: Command, host: Host) -> Answer:
    """Until it ends. Raises `Refused`."""
    terms, root = terms_of(order.arguments), host.folders.root
    if root in _open:
        raise Refused("taken", "A shell is open on this host already.")
    try:
        shell = Shell(order.id, terms, host)
    except BadTyping as error:
        raise Refused("bad_arguments", str(error)) from None
    _open.add(root)
    try:
        why = await shell.run()
    finally:
        _open.discard(root)
    return Answer(text=why, facts={"sent": shell.sent, "typed": shell.keyboard.taken})


class Shell:
    """One of them."""

    def __init__(self, name: str, terms: Terms, host: Host) -> None:
        self._name, self._terms, self._host = name, terms, host
        self.keyboard, self.sent = Keyboard(name, terms.key), 0
        self._unsent, self._over = "", ""
        self._fresh, self._all_sent = asyncio.Event(), asyncio.Event()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._master, self._reading, self._read_all, self._seq = -1, False, False, 0
        self._heard = self._input_at = time.monotonic()
        self._until = self._input_at + max(0.0, terms.until - time.time())

    async def run(self) -> str:
        """Why it ended."""
        self._master, slave = os.openpty()
        os.set_blocking(self._master, False)
        self._resize(self._terms.columns, self._terms.rows)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", str(TERMINAL), stdin=slave, stdout=slave, stderr=slave,
                cwd="/",
            )  # fmt: skip
        finally:
            os.close(slave)
        try:
            return await self._serve(process)
        finally:
            self._read_on(on=False)
            os.close(self._master)
            await _end_session(process)

    async def _serve(self, process: asyncio.subprocess.Process) -> str:
        self._read_on(on=True)
        lanes = [asyncio.create_task(one) for one in (self._send(), self._receive(), self._watch(), process.wait())]
        try:
            await asyncio.wait(lanes, return_when=asyncio.FIRST_COMPLETED)
            why = self._over or "The shell has ended."
            with suppress(TimeoutError, NotAnswered):
                async with asyncio.timeout(ENDS_WITHIN_S):
                    await self._flush()
            return why
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    async def _flush(self) -> None:
        """What the terminal said last."""
        self._read_on(on=False)
        for _ in range(MOST_UNSENT // READ):
            if not self._read_all:
                self._readable()
        self._all_sent.clear()
        self._fresh.set()
        await self._all_sent.wait()

    def _read_on(self, *, on: bool) -> None:
        loop = asyncio.get_running_loop()
        if on and not self._reading:
            loop.add_reader(self._master, self._readable)
        elif self._reading and not on:
            loop.remove_reader(self._master)
        self._reading = on

    def _readable(self) -> None:
        try:
            part = os.read(self._master, READ)
        except BlockingIOError:
            return
        except OSError:
            part, self._read_all = b"", True  # nobody holds the other end any more
        self._unsent += self._decoder.decode(part, final=self._read_all).replace("\x00", "\ufffd")
        if self._read_all or len(self._unsent) > MOST_UNSENT:
            self._read_on(on=False)
        self._fresh.set()

    async def _send(self) -> None:
        """One part at a time; the next when the portal has it."""
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            while part := self._unsent[:PART]:
                self._seq += 1
                await self._post("up", {"seq": self._seq, "text": part})
                self._unsent = self._unsent[len(part) :]
                self.sent += len(part)
                if not (self._read_all or self._over) and len(self._unsent) < MOST_UNSENT // 2:
                    self._read_on(on=True)
                await asyncio.sleep(PACE_S)
            self._all_sent.set()

    async def _receive(self) -> None:
        """What was typed, as long as the portal wants the shell."""
        while True:
            answer = await self._post("down", {"taken": self.keyboard.taken, "hold_s": HOLD_S})
            if reason := str(answer.get("close") or ""):
                self._over = reason[:300]
                return
            try:
                typed = self.keyboard.take(answer.get("input"))
            except BadTyping as error:
                self._over = str(error)
                return
            for one in typed:
                self._input_at = time.monotonic()
                if one.columns and one.rows:
                    self._resize(one.columns, one.rows)
                await self._write(one.data.encode())

    async def _post(self, lane: str, value: dict[str, Any]) -> dict[str, Any]:
        """Until the portal answers; who waits for how long is `_watch`'s."""
        while True:
            try:
                found = await self._host.news.wish(
                    "stream", LOST_S, lane=lane, path=f"/agent/v1/live/{self._name}", value=value
                )
            except NotAnswered:
                await asyncio.sleep(AGAIN_S)
            else:
                self._heard = time.monotonic()
                answer = found.get("answer")
                return answer if isinstance(answer, dict) else {}

    async def _watch(self) -> None:
        """Ends when its time is over, when nobody types, when nobody hears it."""
        while not self._over:
            await asyncio.sleep(0.5)
            now = time.monotonic()
            if now > self._until or time.time() > self._terms.until:
                self._over = "The time of the shell is over."
            elif now - self._input_at > self._terms.idle_s:
                self._over = "Nobody typed."
            elif now - self._heard > LOST_S:
                self._over = "The portal was not heard."

    async def _write(self, data: bytes) -> None:
        """What a program does not read within a while is lost, as on any terminal."""
        until = time.monotonic() + ENDS_WITHIN_S
        while data and time.monotonic() < until:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                await asyncio.sleep(PACE_S / 2)
            except OSError:
                return

    def _resize(self, columns: int, rows: int) -> None:
        with suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


async def _end_session(process: asyncio.subprocess.Process) -> None:
    """The shell, and all that it started and that did not begin a session of its own."""
    until = time.monotonic() + ENDS_WITHIN_S
    while (members := _members(process.pid)) and time.monotonic() < until:
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(PACE_S / 2)
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.wait()), ENDS_WITHIN_S)


def _members(leader: int) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, session = place.read_text(errors="replace").rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(session) == leader and state != "Z":
            found.append(int(place.parent.name))
    return found
