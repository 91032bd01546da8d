"""What goes out beside the held poll: results as soon as there are any, progress, and what the helper wishes for.

The helper's news come over a connection of their own; each kind of traffic has a connection of its own to the portal,
so that a large file keeps nothing waiting.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from soc_agent.folders import Folders
from soc_agent.helper_line import HelperGone, HelperLine
from soc_agent.portal import Portal, PortalError
from soc_agent.reports import Reports
from soc_agent.spool import MAX_LIBRARY, incoming

logger = logging.getLogger(__name__)
AGAIN_S, HELPER_AGAIN_S = 1.0, 0.2
TELLING, MOST_LINES = 3, 200
# Where a helper may send JSON through here.
POSTS = ("/agent/v1/alerts",)
LIVE = "/agent/v1/live/"
LANES = ("up", "down")
PROBE_S = 2.0
# Addresses that are for documentation: nobody answers there, and a host that is cut off cannot even send.
CANARIES = ("203.0.113.1", "198.51.100.1", "192.0.2.1")
Wish = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Courier:
    """Runs beside the poll for as long as the network half does."""

    def __init__(self, portal: Portal, reports: Reports, folders: Folders) -> None:
        self._reports, self._folders = reports, folders
        self._fetching, self._posting = portal.twin(), portal.twin()
        # A portal that holds what it should not keeps one of them, not what comes next.
        self._telling = [portal.twin() for _ in range(TELLING)]
        self._free = asyncio.Semaphore(TELLING)
        # A shell's output and its input, which is waited for: nothing else goes there.
        self._lanes = {name: (portal.twin(), asyncio.Lock()) for name in LANES}
        self._portal = portal
        self._news = HelperLine(folders.socket)
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_fetch, self._one_post = asyncio.Lock(), asyncio.Lock()
        self._to_tell = asyncio.Event()
        self._wishes: dict[str, Wish] = {"probe": self._probe, "library": self._library,
                                         "indicators": self._indicators, "post": self._post,
                                         "stream": self._stream}  # fmt: skip

    async def run(self) -> None:
        self._reports.sending.sent = self._to_tell.set
        self._begin(self._tell_for_ever())
        number, fresh = -1, True
        while True:
            try:
                news = await self._news.ask("news", seen=number, fresh=fresh)
                if fresh:
                    await self._reports.deliver()
                number, fresh = int(news.get("number", -1)), False
                self._begin_all(news)
                await self._pass_on(news.get("said") or [])
            except HelperGone:
                fresh = True
                await asyncio.sleep(HELPER_AGAIN_S)
            except (PortalError, OSError) as error:
                logger.warning("progress was not told: %s", error)
                number = -1  # what was said is asked for again
                await asyncio.sleep(AGAIN_S)

    def _begin_all(self, news: Mapping[str, Any]) -> None:
        if not set(news.get("over") or []) <= self._reports.told or news["observed"] != self._reports.told_observed:
            self._to_tell.set()
        for wish in news.get("wishes") or []:
            self._begin(self._grant(wish))

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell_for_ever(self) -> None:
        """What is over or holds by now, on a connection that nothing holds."""
        while True:
            await self._to_tell.wait()
            await self._free.acquire()
            self._to_tell.clear()
            told = asyncio.Event()
            self._begin(self._tell(told))
            await told.wait()

    async def _tell(self, told: asyncio.Event) -> None:
        line = self._telling.pop()
        try:
            await self._reports.poll(line, held=False, told=told)
        except (PortalError, OSError) as error:
            logger.warning("what is new was not told: %s", error)
            await asyncio.sleep(AGAIN_S)
            if not isinstance(error, PortalError) or error.reason != "revoked":
                self._to_tell.set()
        finally:
            told.set()
            self._telling.append(line)
            self._free.release()

    async def _pass_on(self, said: list[dict[str, Any]]) -> None:
        """What one command said goes out together: a portal lets nobody ask without end."""
        for one in together(said):
            async with self._one_post:
                await asyncio.to_thread(self._posting.ask, "POST", "/agent/v1/progress", one)
            await self._news.ask("passed_on", upto=one["seq"])

    async def _grant(self, wish: Mapping[str, Any]) -> None:
        grant = self._wishes.get(str(wish.get("kind")))
        try:
            found = await grant(wish) if grant else {"error": "The network half does not know that wish."}
        except (PortalError, OSError, ValueError, KeyError) as error:
            found = {"error": f"{type(error).__name__}: {error}"[:300]}
        try:
            await self._reports.helper.ask("granted", **{**found, "wish": wish.get("wish")})
        except HelperGone as error:
            logger.warning("the helper does not hear what came of its wish: %s", error)

    async def _probe(self, _wish: Mapping[str, Any]) -> dict[str, Any]:
        """Whether the portal is reached and whether anything else is."""
        reached = await asyncio.to_thread(self._portal.reachable, PROBE_S)
        return {"portal": reached, "canary": await asyncio.to_thread(try_canary)}

    async def _library(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        digest = str(wish["sha256"])
        async with self._one_fetch:
            await asyncio.to_thread(self._fetching.download, f"/agent/v1/library/{digest}",
                                    incoming(self._folders, digest), MAX_LIBRARY)  # fmt: skip
        return {}

    async def _indicators(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        async with self._one_fetch:
            return {"envelope": await asyncio.to_thread(self._fetching.get, f"/agent/v1/indicators/{wish['sha256']}")}

    async def _post(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        path = str(wish["path"])
        if not path.startswith(POSTS):
            return {"error": "The network half sends nothing there."}
        async with self._one_post:
            return {"answer": await asyncio.to_thread(self._posting.ask, "POST", path, dict(wish["value"]))}

    async def _stream(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """A part of a shell; each lane asks one after the other."""
        path = str(wish["path"])
        if not path.startswith(LIVE):
            return {"error": "The network half sends nothing there."}
        line, turn = self._lanes[str(wish["lane"])]
        async with turn:
            return {"answer": await asyncio.to_thread(line.ask, "POST", path, dict(wish["value"]))}


def together(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbours of one command as one message, with the place of the last of them."""
    found: list[dict[str, Any]] = []
    for one in said:
        if found and found[-1]["id"] == one["id"] and len(found[-1]["lines"]) < MOST_LINES:
            found[-1] = {**found[-1], **one, "lines": [*found[-1]["lines"], *one["lines"]]}
        else:
            found.append(dict(one))
    return found


def try_canary() -> str:
    """`cut` when the kernel refuses to send at all, `open` when it sends, `unknown` when it knows no way there."""
    for address in CANARIES:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as canary:
            try:
                canary.sendto(b"", (address, 9))
            except OSError as error:
                if error.errno == errno.EPERM:
                    return "cut"
            else:
                return "open"
    return "unknown"
