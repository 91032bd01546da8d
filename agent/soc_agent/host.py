"""What every work and every keeper of the helper is given: the folders, the journal, and the line to the other half."""

import asyncio
import itertools
import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from soc_agent.folders import Folders
from soc_agent.journal import Journal
from soc_agent.settings import Settings
from soc_agent.vault import Vault

logger = logging.getLogger(__name__)
# What a command may say while it runs, until the other half has taken it: the oldest goes first.
MAX_SAID, MAX_LINES, MAX_LINE = 400, 50, 2000
ANSWER_WITHIN_S, LISTEN_WITHIN_S = 120.0, 5.0


class NotAnswered(Exception):
    """The network half did not do what it was asked, or is away. The message says why."""


@dataclass(slots=True)
class News:
    """What the helper has for the network half. It waits here until it was taken; a number says what it has seen."""

    number: int = 0
    listeners: int = 0
    said: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_SAID))
    wishes: dict[int, dict[str, Any]] = field(default_factory=dict)
    _loop: asyncio.AbstractEventLoop | None = None
    _changed: asyncio.Event | None = None
    _listened: asyncio.Event | None = None
    _places: Any = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _answers: dict[int, "asyncio.Future[dict[str, Any]]"] = field(default_factory=dict)

    def bind(self) -> None:
        """Called once, inside the loop that serves the socket."""
        self._loop, self._changed, self._listened = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def tell(self) -> None:
        """There is something new; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._bump)

    def _bump(self) -> None:
        self.number += 1
        if self._changed is not None:
            self._changed.set()

    async def after(self, seen: int, within_s: float) -> int:
        """The number once it differs from `seen`, or when the time is over."""
        until = time.monotonic() + within_s
        while self.number == seen and (left := until - time.monotonic()) > 0:
            changed = self._changed or asyncio.Event()
            changed.clear()
            try:
                await asyncio.wait_for(changed.wait(), left)
            except TimeoutError:
                break
        return self.number

    def say(self, command_id: str, *lines: str, percent: float | None = None) -> None:
        """Output and progress of a running command, from any thread; bounded, and lost when nobody listens."""
        with self._lock:
            entry: dict[str, Any] = {"id": command_id, "seq": next(self._places),
                                     "lines": [line[:MAX_LINE] for line in lines[:MAX_LINES]]}  # fmt: skip
            self.said.append(entry if percent is None else {**entry, "percent": max(0, min(100, round(percent, 1)))})
        self.tell()

    def taken(self, upto: int) -> None:
        """The other half has passed on what was said up to there."""
        with self._lock:
            while self.said and self.said[0]["seq"] <= upto:
                self.said.popleft()

    async def wish(self, kind: str, within_s: float = ANSWER_WITHIN_S, **fields: Any) -> dict[str, Any]:
        """Ask the network half for something and wait; raises `NotAnswered`."""
        await self._somebody(min(within_s, LISTEN_WITHIN_S))
        place = next(self._places)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.wishes[place], self._answers[place] = {"wish": place, "kind": kind, **fields}, answer
        self._bump()
        try:
            found = await asyncio.wait_for(answer, within_s)
        except TimeoutError:
            raise NotAnswered(f"The network half did not answer ({kind}).") from None
        finally:
            self.wishes.pop(place, None)
            self._answers.pop(place, None)
        if found.get("error"):
            raise NotAnswered(str(found["error"])[:300])
        return found

    async def _somebody(self, within_s: float) -> None:
        """Until the network half listens; it comes back within a moment or not soon."""
        with suppress(TimeoutError):
            if not self.listeners and self._listened is not None:
                await asyncio.wait_for(self._listened.wait(), within_s)
        if not self.listeners:
            raise NotAnswered("The network half is away.")

    def listen(self, more: int) -> None:
        """One more that listens, or one less."""
        self.listeners += more
        if self._listened is not None:
            (self._listened.set if self.listeners else self._listened.clear)()

    def wish_from_thread(self, kind: str, within_s: float = ANSWER_WITHIN_S, **fields: Any) -> dict[str, Any]:
        """The same for what runs beside the loop; raises `NotAnswered`."""
        if self._loop is None:
            raise NotAnswered("Nobody listens yet.")
        asked: Coroutine[Any, Any, dict[str, Any]] = self.wish(kind, within_s, **fields)
        future: Future[dict[str, Any]] = asyncio.run_coroutine_threadsafe(asked, self._loop)
        return future.result(within_s + 5)

    def granted(self, place: object, answer: Mapping[str, Any]) -> None:
        """What came of a wish; one that nobody waits for any more is forgotten."""
        waiting = self._answers.get(place) if isinstance(place, int) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(dict(answer))

    def ask_again(self) -> None:
        """The other half has started anew: what it was asked before it never saw, for all anybody knows."""
        for one in self.wishes.values():
            one["handed"] = False

    def pending(self) -> list[dict[str, Any]]:
        """Wishes, each handed over once."""
        found = [one for one in self.wishes.values() if not one.get("handed")]
        for one in found:
            one["handed"] = True
        return [{name: value for name, value in one.items() if name != "handed"} for one in found]


@dataclass(slots=True)
class Host:
    """One for each helper."""

    folders: Folders
    settings: Settings
    journal: Journal
    vault: Vault
    news: News = field(default_factory=News)

    def generation(self) -> int:
        return self.journal.wanted()[0]

    def free_bytes(self) -> int:
        room = os.statvfs(self.folders.state)
        return room.f_bavail * room.f_frsize

    async def indicators(self, digest: str) -> dict[str, Any]:
        """The envelope of a list of indicators, from the disk or from the portal. Nobody has verified it yet. Raises
        `NotAnswered`."""
        kept = self.folders.state / f"indicators-{digest[:64]}.json"
        try:
            return dict(json.loads(await asyncio.to_thread(kept.read_bytes)))
        except (OSError, ValueError):
            pass
        envelope = (await self.news.wish("indicators", sha256=digest)).get("envelope")
        if not isinstance(envelope, dict):
            raise NotAnswered("The portal has no such list of indicators.")
        return envelope
