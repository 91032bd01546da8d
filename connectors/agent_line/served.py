"""What a device that was let in may ask for: one method for each."""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from connectors.agent_line import desk
from connectors.agent_line.door import Door
from connectors.agent_line.http import Streamed, header, json_in, number, offset, target
from connectors.agent_line.knocking import Known, NotAdmitted, read_header
from connectors.agent_line.polls import Polls
from connectors.agent_line.threads import Threads
from connectors.agent_line.waiting import Waiters, until
from connectors.services.agents import heartbeat
from connectors.services.agents.streams import take_part
from connectors.services.agents.wake import STREAM
from connectors.signing.envelope import raw_public

MOST_HELD_S = 25


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of an agent that was admitted; `rest` is what follows the name in its path."""

    known: Known
    device_id: str
    rest: str
    body: bytes
    scope: Mapping[str, Any]


class Served:
    def __init__(self, threads: Threads, waiters: Waiters, door: Door, polls: Polls) -> None:
        self._threads, self._waiters, self._door, self._polls = threads, waiters, door, polls

    async def answer(self, method: str, name: str, asked: Asked) -> Mapping[str, Any] | Streamed:
        serve = _SERVED.get((method, name))
        if serve is None or bool(asked.rest) != (name in _NAMED) or "\x00" in asked.rest:
            raise NotAdmitted(404, "not_found", "There is nothing here.")
        return await serve(self, asked)

    async def poll(self, asked: Asked) -> Mapping[str, Any]:
        return await self._polls.answer(asked.known, asked.device_id, json_in(asked.body))

    async def alerts(self, asked: Asked) -> Mapping[str, Any]:
        return {"taken": await self._threads.run(desk.take_alerts, asked.known.pk, json_in(asked.body).get("alerts"))}

    async def progress(self, asked: Asked) -> Mapping[str, Any]:
        await self._threads.run(heartbeat.take_progress, asked.known.pk, json_in(asked.body))
        return {}

    async def stream(self, asked: Asked) -> Mapping[str, Any]:
        """A part of what a command says, or a question for what it is told: that one waits a while for an answer."""
        told = json_in(asked.body)
        take = partial(self._threads.run, take_part, asked.known.pk, asked.rest, told)
        seconds = min(number(told, "hold_s"), MOST_HELD_S)
        if not seconds or asked.known.stream != asked.rest:
            # Nobody waits under a name that is another's: who waits there would be sent away.
            answer = await take()
            asked.known.stream = "" if answer.get("close") else asked.rest
            if not seconds or answer.get("input") or answer.get("close"):
                return answer
        word = f"{STREAM}{asked.rest}"
        event = self._waiters.hold(word)
        try:
            answer = await take()
            if answer.get("input") or answer.get("close") or not await until(event, seconds):
                return answer
            return await take()
        finally:
            self._waiters.let_go(word, event)

    async def rotation(self, asked: Asked) -> Mapping[str, Any]:
        await self._threads.run(desk.rotate, asked.known.pk, json_in(asked.body))
        self._door.forget(asked.device_id)
        return {}

    async def announcement(self, asked: Asked) -> Mapping[str, Any]:
        told, proof = json_in(asked.body), proof_of(asked)
        return {"received": await self._threads.run(desk.begin_upload, asked.known.pk, asked.rest, told, proof)}

    async def part(self, asked: Asked) -> Mapping[str, Any]:
        place = offset(asked.scope)
        return {"received": await self._threads.run(desk.take_part, asked.known.pk, asked.rest, place, asked.body)}

    async def indicators(self, asked: Asked) -> Mapping[str, Any]:
        return await self._threads.run(desk.indicators, asked.known.pk, asked.rest)

    async def library(self, asked: Asked) -> Streamed:
        return await self._threads.run(desk.library, asked.known.pk, asked.rest)


def proof_of(asked: Asked) -> dict[str, Any]:
    """What the device signed when it announced a file: enough to check it again without this portal."""
    knock = read_header(header(asked.scope, b"authorization"))
    return {
        "device_id": asked.device_id, "public_key": base64.b64encode(raw_public(asked.known.key)).decode(),
        "method": asked.scope["method"], "path": target(asked.scope), "time": knock.moment, "nonce": knock.nonce,
        "body_sha256": hashlib.sha256(asked.body).hexdigest(), "signature": base64.b64encode(knock.signature).decode(),
    }  # fmt: skip


_SERVED: Mapping[tuple[str, str], Callable[[Served, Asked], Awaitable[Mapping[str, Any] | Streamed]]] = {
    ("POST", "poll"): Served.poll,
    ("POST", "alerts"): Served.alerts,
    ("POST", "progress"): Served.progress,
    ("POST", "live"): Served.stream,
    ("POST", "rotate"): Served.rotation,
    ("POST", "artefacts"): Served.announcement,
    ("PUT", "artefacts"): Served.part,
    ("GET", "indicators"): Served.indicators,
    ("GET", "library"): Served.library,
}
# What is asked for by name.
_NAMED = frozenset({"artefacts", "indicators", "library", "live"})
