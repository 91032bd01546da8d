"""Orders that were verified, carried out once: the journal is written before and after, answers come from it."""

import asyncio
import errno
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from soc_agent.envelope import BadEnvelope, open_envelope
from soc_agent.journal import Entry, Journal, State
from soc_agent.live.stoppable import left_by
from soc_agent.orders import (
    COMMAND,
    DESIRED,
    Command,
    Desired,
    Refused,
    check_command,
    check_desired,
    read_command,
    read_desired,
)
from soc_agent.remembered import remember_begin, remember_end
from soc_agent.trust import Trust

logger = logging.getLogger(__name__)
NOTE_AGAIN_S, MOST_WAITING = 2.0, 200
Work = Callable[[Command], Awaitable[tuple[State, dict[str, Any]]]]


def reason_of(error: Exception) -> dict[str, str]:
    """Why something was not done, for programs and for people."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return {"code": "no_room", "detail": "There is no room for it on this host."}
    return {"code": str(getattr(error, "code", type(error).__name__)), "detail": str(error)[:500]}


class Orders:
    """What the helper does with what it is handed. `works` are the actions it knows, by name."""

    def __init__(
        self, device_id: str, trust: Trust, journal: Journal, works: Mapping[str, Work],
        changed: Callable[[Command], None] = lambda _command: None,
    ) -> None:  # fmt: skip
        """`changed` is called when a command is begun and when it is over."""
        self.device_id, self.trust, self.journal, self._works = device_id, trust, journal, works
        self._changed = changed
        self._running: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, tuple[float, str]] = {}

    async def take_command(self, envelope: object) -> str:
        """Begin it, unless it was begun before; its id. Raises `BadEnvelope` for what nobody may ask, `sqlite3.Error`
        when it cannot be noted, and then nothing is done."""
        command = read_command(open_envelope(envelope, self.trust.keys, payload_type=COMMAND))
        try:
            with self.journal.together():
                known = self.journal.begin(command)
                if known is None:
                    remember_begin(self.journal, command)
        except sqlite3.Error as error:
            self._put_off(command, error)
            raise
        self._waiting.pop(command.id, None)
        if known is None:
            self._running[command.id] = asyncio.create_task(self._run(command))
            self._changed(command)
        return command.id

    def _put_off(self, command: Command, error: sqlite3.Error) -> None:
        self._waiting[command.id] = (command.expires, f"The journal of this agent takes nothing: {error}"[:300])
        while len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def waiting(self) -> list[dict[str, str]]:
        """Commands that could not be noted, of which nothing was done: each is begun when it comes again and there is
        room."""
        now = time.time()
        self._waiting = {name: one for name, one in self._waiting.items() if one[0] > now}
        return [{"id": name, "code": "no_room", "detail": why} for name, (_until, why) in self._waiting.items()]

    async def _run(self, command: Command) -> None:
        try:
            state, result = await self._outcome(command)
        except asyncio.CancelledError as cancelled:
            state, result = State.CANCELLED, {**left_by(cancelled), "detail": "It was cancelled while it ran."}
        await self._note_end(command, state, result)
        self._running.pop(command.id, None)
        self._changed(command)

    async def _note_end(self, command: Command, state: State, result: dict[str, Any]) -> None:
        """Until the disk takes it: what was done must not become unknown because there was no room for the word."""
        while True:
            try:
                with self.journal.together():
                    self.journal.end(command.id, state, result)
                    remember_end(self.journal, command, state, result)
            except sqlite3.OperationalError as error:
                logger.error("the outcome of %s is not noted yet: %s", command.id, error)
                await asyncio.sleep(NOTE_AGAIN_S)
            else:
                return

    async def _outcome(self, command: Command) -> tuple[State, dict[str, Any]]:
        try:
            check_command(command, self.device_id)
            work = self._work(command.action)
            async with asyncio.timeout(command.run_s):
                return await work(command)
        except Refused as refusal:
            state = State.EXPIRED if refusal.code == "expired" else State.REFUSED
            return state, {"code": refusal.code, "detail": refusal.message}
        except TimeoutError as error:
            said = f"It was not done within {command.run_s} seconds."
            return State.TIMED_OUT, {**left_by(error.__cause__), "detail": said}
        except Exception as error:
            logger.exception("%s failed", command.action)
            return State.FAILED, reason_of(error)

    def _work(self, action: str) -> Work:
        work = self._works.get(action)
        if work is None:
            raise Refused("unsupported", f"This agent does not know {action}.")
        return work

    def cancel(self, command_id: str) -> bool:
        """Whether it was still running."""
        task = self._running.get(command_id)
        return task is not None and task.cancel()

    def running(self, command_id: str) -> bool:
        return command_id in self._running

    async def ended(self, command_id: str) -> Entry | None:
        """Its entry once it is over."""
        task = self._running.get(command_id)
        if task is not None:
            await asyncio.wait([task])
        return self.journal.entry(command_id)

    def take_desired(self, envelope: object, text: str) -> Desired | None:
        """The wanted state when it is newer than the one that is kept, and then it is kept; raises `BadEnvelope` or
        `Refused`."""
        desired = read_desired(open_envelope(envelope, self.trust.keys, payload_type=DESIRED))
        generation, _ = self.journal.wanted()
        if not check_desired(desired, self.device_id, generation):
            return None
        return desired if self.journal.want(desired.generation, text) else None

    def wanted_facets(self, envelope: object) -> Mapping[str, Any]:
        """What the kept document wants, if it is still believed and for this device; raises `BadEnvelope`."""
        desired = read_desired(open_envelope(envelope, self.trust.keys, payload_type=DESIRED))
        if desired.device != self.device_id:
            raise BadEnvelope("The wanted state is for another device.")
        return desired.facets
