"""The ASGI application of `/agent/v1/`, without Django's middleware: it serves devices, never browsers."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from connectors.agent_line import desk
from connectors.agent_line.door import Door
from connectors.agent_line.http import Streamed, body_of, header_id, hung_up, json_in, peer, reply, stream
from connectors.agent_line.knocking import NotAdmitted
from connectors.agent_line.polls import Polls
from connectors.agent_line.served import Asked, Served
from connectors.agent_line.threads import Threads
from connectors.agent_line.waiting import Waiters

logger = logging.getLogger(__name__)
PREFIX = "/agent/v1/"
FLUSH_S = 5.0
_LIMITS = {
    "enrol": 6 << 20,
    "poll": 4 << 20,
    "alerts": 2 << 20,
    "progress": 1 << 20,
    "live": 1 << 19,
    "rotate": 1 << 16,
}
PART_LIMIT = (4 << 20) + 1


class AgentLine:
    """One process's end of the line."""

    def __init__(self) -> None:
        self.threads, self.waiters = Threads(), Waiters()
        self.door, self.polls = Door(self.threads, self.waiters), Polls(self.threads, self.waiters)
        self._served = Served(self.threads, self.waiters, self.door, self.polls)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._tasks = {asyncio.create_task(self.waiters.listen()), asyncio.create_task(self._flush_often())}
            else:
                for task in self._tasks:
                    task.cancel()
                await self._flush()
                await self.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def close(self) -> None:
        await self.door.close()

    async def _serve(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        started = asyncio.current_task()
        gone = None
        try:
            word = scope["path"].removeprefix(PREFIX) if scope["path"].startswith(PREFIX) else ""
            name, _, rest = word.partition("/")
            body = await body_of(receive, _LIMITS.get(name, PART_LIMIT))
            # A device that hung up is answered no more.
            gone = asyncio.create_task(hung_up(receive, started))
            status, answer = await self._answer(scope, name, rest, body)
        except NotAdmitted as no:
            status, answer = no.status, {"code": no.code, "message": no.message, "time": time.time()}
        except asyncio.CancelledError:
            return
        except Exception:
            logger.exception("a request of a device failed")
            status, answer = 500, {"code": "error", "message": "The portal could not do that.", "time": time.time()}
        finally:
            if gone is not None:
                gone.cancel()
        await (stream(send, answer) if isinstance(answer, Streamed) else reply(send, status, answer))

    async def _answer(
        self, scope: Mapping[str, Any], name: str, rest: str, body: bytes
    ) -> tuple[int, Mapping[str, Any] | bytes | Streamed]:
        method = scope["method"]
        if (method, name, rest) == ("GET", "authority", ""):
            return 200, await self.threads.run(desk.authority)
        if (method, name, rest) == ("POST", "enrol", ""):
            self.door.check_enrolments(peer(scope))
            return 200, await self.threads.run(desk.enrol, json_in(body))
        known = await self.door.admit(scope, method, body)
        return 200, await self._served.answer(method, name, Asked(known, header_id(scope), rest, body, scope))

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self._flush()

    async def _flush(self) -> None:
        try:
            await self.polls.flush()
        except Exception:
            logger.exception("when devices were heard could not be noted")
        self.door.tidy()
