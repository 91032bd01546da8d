"""The ASGI application of `/agent/v1/`, without Django's middleware: it serves devices, never browsers."""

import asyncio
import base64
import hashlib
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import redis.asyncio as redis
from django.conf import settings
from django.db import close_old_connections
from redis.exceptions import RedisError

from connectors.agent_line import desk
from connectors.agent_line.http import (
    Streamed,
    body_of,
    header,
    header_id,
    hung_up,
    json_in,
    number,
    numbers,
    offset,
    peer,
    reply,
    stream,
    target,
)
from connectors.agent_line.knocking import (
    SKEW_S,
    Known,
    NotAdmitted,
    asks_for_key,
    check_pace,
    check_signature,
    check_state,
    is_clone,
    is_overtaken,
    read_agent,
    read_header,
)
from connectors.agent_line.waiting import Waiters
from connectors.enums import AgentState
from connectors.services.agents import heartbeat
from connectors.services.agents.orders import LINE
from connectors.services.agents.streams import take_part
from connectors.services.agents.wake import STREAM
from connectors.signing.envelope import raw_public
from core import clock
from core.metrics import tally

logger = logging.getLogger(__name__)
PREFIX = "/agent/v1/"
# A poll is answered within this even when there is nothing to say; spread, so that they never come in step.
HELD_S = (60.0, 70.0)
READ_AGAIN_S = 60.0
FLUSH_S = 5.0
MOST_HELD_S = 25
THREADS = 4
MOST_KNOWN = 20_000
_LIMITS = {
    "enrol": 6 << 20,
    "poll": 4 << 20,
    "alerts": 2 << 20,
    "progress": 1 << 20,
    "live": 1 << 19,
    "rotate": 1 << 16,
}
PART_LIMIT = (4 << 20) + 1
# From one address, in a minute; whoever has no key yet can be recognised by nothing else.
MOST_ENROLMENTS = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of an agent that was admitted; `rest` is what follows the name in its path."""

    known: Known
    device_id: str
    rest: str
    body: bytes
    scope: Mapping[str, Any]


class AgentLine:
    """One process's end of the line."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="agents")
        self._waiters = Waiters()
        self._known: dict[str, Known] = {}
        self._seen: dict[int, tuple[datetime, int]] = {}
        self._enrolments: dict[str, list[float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._broker: redis.Redis | None = None
        self._nonces: dict[str, float] = {}
        self._polls: Counter[str] = Counter()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._tasks = {asyncio.create_task(self._waiters.listen()), asyncio.create_task(self._flush_often())}
            else:
                for task in self._tasks:
                    task.cancel()
                await self._flush()
                await self.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def close(self) -> None:
        """Let go of the broker; of the loop that this was used in."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.aclose()

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
            return 200, await self._run(desk.authority)
        if (method, name, rest) == ("POST", "enrol", ""):
            self._check_enrolments(peer(scope))
            return 200, await self._run(desk.enrol, json_in(body))
        known = await self._admit(scope, method, body)
        serve = _SERVED.get((method, name))
        if serve is None or bool(rest) != (name in _NAMED) or "\x00" in rest:
            raise NotAdmitted(404, "not_found", "There is nothing here.")
        return 200, await serve(self, Asked(known, header_id(scope), rest, body, scope))

    async def _serve_poll(self, asked: Asked) -> Mapping[str, Any]:
        return await self._poll(asked.known, asked.device_id, json_in(asked.body))

    async def _serve_alerts(self, asked: Asked) -> Mapping[str, Any]:
        return {"taken": await self._run(desk.take_alerts, asked.known.pk, json_in(asked.body).get("alerts"))}

    async def _serve_progress(self, asked: Asked) -> Mapping[str, Any]:
        await self._run(heartbeat.take_progress, asked.known.pk, json_in(asked.body))
        return {}

    async def _serve_stream(self, asked: Asked) -> Mapping[str, Any]:
        """A part of what a command says, or a question for what it is told: that one waits a while for an answer."""
        told = json_in(asked.body)
        take = partial(self._run, take_part, asked.known.pk, asked.rest, told)
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
            if answer.get("input") or answer.get("close") or not await _until(event, seconds):
                return answer
            return await take()
        finally:
            self._waiters.let_go(word, event)

    async def _serve_rotation(self, asked: Asked) -> Mapping[str, Any]:
        await self._run(desk.rotate, asked.known.pk, json_in(asked.body))
        self._known.pop(asked.device_id, None)
        return {}

    async def _serve_announcement(self, asked: Asked) -> Mapping[str, Any]:
        told, proof = json_in(asked.body), proof_of(asked)
        return {"received": await self._run(desk.begin_upload, asked.known.pk, asked.rest, told, proof)}

    async def _serve_part(self, asked: Asked) -> Mapping[str, Any]:
        place = offset(asked.scope)
        return {"received": await self._run(desk.take_part, asked.known.pk, asked.rest, place, asked.body)}

    async def _serve_indicators(self, asked: Asked) -> Mapping[str, Any]:
        return await self._run(desk.indicators, asked.known.pk, asked.rest)

    async def _serve_library(self, asked: Asked) -> Streamed:
        return await self._run(desk.library, asked.known.pk, asked.rest)

    async def _admit(self, scope: Mapping[str, Any], method: str, body: bytes) -> Known:
        """The agent that sent the request; raises `NotAdmitted`."""
        knock = read_header(header(scope, b"authorization"))
        known = self._known.get(knock.device_id)
        stale = known is None or time.monotonic() - known.read_at > READ_AGAIN_S
        if stale or knock.device_id in self._waiters.changed:
            known = await self._read(knock.device_id, known)
        if known is None:
            raise NotAdmitted(401, "unknown", "This device has not joined.")
        check_pace(known)
        check_signature(known, knock, method, target(scope), body)
        check_state(known)
        await self._use_nonce(f"{knock.device_id}:{knock.nonce}")
        return known

    async def _read(self, device_id: str, before: Known | None) -> Known | None:
        self._waiters.changed.discard(device_id)
        fresh = await self._run(read_agent, device_id)
        if fresh is None:
            self._known.pop(device_id, None)
            return None
        if before is not None:
            before.key, before.state, before.read_at = fresh.key, fresh.state, fresh.read_at
            before.new_key_asked = fresh.new_key_asked
            return before
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        return self._known.setdefault(device_id, fresh)

    async def _use_nonce(self, name: str) -> None:
        """Once, in whichever process; without the broker once in this one."""
        try:
            if self._broker is None:
                self._broker = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
            first = bool(await self._broker.set(f"soc:nonce:{name}", 1, nx=True, ex=2 * SKEW_S))
        except (RedisError, OSError):
            first = self._nonces.setdefault(name, now := time.monotonic()) == now
        if not first:
            raise NotAdmitted(401, "replayed", "This request was made before.")

    async def _poll(self, known: Known, device_id: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
        status = told.get("status")
        status = status if isinstance(status, dict) else {}
        # One that is not to be held takes the place of none that is: that one would not hear of what comes.
        held = told.get("hold_s") != 0
        event = self._waiters.hold(device_id) if held else asyncio.Event()
        try:
            await self._note(known, status, told.get("inventory"))
            if known.state != AgentState.APPROVED:
                await _until(event, None if held else 0)
                return {"state": known.state, "commands": [], "desired": None, "time": time.time()}
            taken = await self._take_results(known, status)
            rotate = held and asks_for_key(known)
            found = await self._work(known, status, event, at_once=bool(taken) or rotate or not held)
            self._polls["work" if found["commands"] or found["desired"] else "nothing"] += 1
            return {**found, "acknowledged": taken, "rotate": rotate}
        finally:
            self._waiters.let_go(device_id, event)

    async def _take_results(self, known: Known, status: Mapping[str, Any]) -> list[str]:
        results = status.get("results")
        return (
            await self._run(heartbeat.take_results, known.pk, results) if isinstance(results, list) and results else []
        )

    async def _work(
        self, known: Known, status: Mapping[str, Any], event: asyncio.Event, *, at_once: bool
    ) -> dict[str, Any]:
        """What the device is told, as soon as there is something."""
        where: dict[str, Any] = {
            "generation": number(status, "generation"), "keys_version": number(status, "keys_version"),
            "lost": numbers(status, "lost"),
        }  # fmt: skip
        counted = number(status, "sequence")
        digest = str(status.get("indicators", ""))[:64]
        deadline = time.monotonic() + random.uniform(*HELD_S)  # noqa: S311 - spread, no secret
        while True:
            event.clear()
            anything = partial(heartbeat.anything_for, known.pk, digest=digest, **where)
            if await self._run(anything):
                work = await self._run(partial(heartbeat.work_for, known.pk, number=counted, **where))
                return {
                    "commands": work.commands, "desired": work.desired, "indicators": work.indicators,
                    "cancel": work.cancel, "keys": work.keys, "time": time.time(),
                }  # fmt: skip
            if at_once or not await _until(event, deadline - time.monotonic()):
                return {"commands": [], "desired": None, "indicators": digest, "cancel": [], "time": time.time()}
            if self._waiters.changed and known.state != AgentState.APPROVED:
                return {"commands": [], "desired": None, "time": time.time()}
            at_once = True

    async def _note(self, known: Known, status: Mapping[str, Any], inventory: object) -> None:
        """Most heartbeats say nothing new: then only the time is noted, of many devices at once."""
        counted = number(status, "sequence")
        if is_clone(known, counted):
            await self._run(partial(heartbeat.alarm_of_clone, known.pk, told=counted, known=known.sequence, actor=LINE))
        async with known.telling:
            await self._keep(known, status, inventory if isinstance(inventory, dict) else None, counted)
        self._seen[known.pk] = (clock.real_now(), known.sequence)

    async def _keep(
        self, known: Known, status: Mapping[str, Any], inventory: Mapping[str, Any] | None, counted: int
    ) -> None:
        """What the device told before something that is kept already says nothing new; its inventory does."""
        digest, overtaken = _digest(status), is_overtaken(known, counted)
        if inventory is not None or (digest != known.status_digest and not overtaken):
            taking = partial(heartbeat.take_status, known.pk, told=status, inventory=inventory, actor=LINE)
            await self._run(taking)
            known.status_digest = "" if overtaken else digest
        if not overtaken:
            known.told = counted

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self._flush()

    async def _flush(self) -> None:
        seen, self._seen = self._seen, {}
        try:
            await self._run(heartbeat.note_seen, seen)
            polls, self._polls = self._polls, Counter()
            await self._run(tally, "agent_polls", polls)
        except Exception:
            logger.exception("when devices were heard could not be noted")
        now = time.monotonic()
        self._nonces = {name: at for name, at in self._nonces.items() if now - at < 2 * SKEW_S}

    def _check_enrolments(self, peer: str) -> None:
        now = time.monotonic()
        recent = [at for at in self._enrolments.get(peer, []) if now - at < 60]
        if len(recent) >= MOST_ENROLMENTS:
            raise NotAdmitted(429, "too_often", "Too many machines try to join from this address.")
        self._enrolments[peer] = [*recent, now]
        if len(self._enrolments) > 1_000:
            self._enrolments = {name: times for name, times in self._enrolments.items() if now - times[-1] < 60}

    async def _run[T](self, function: Callable[..., T], *arguments: Any) -> T:
        """In a thread: the database is spoken to in Django's own words."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, _with_database, partial(function, *arguments)
        )


def proof_of(asked: Asked) -> dict[str, Any]:
    """What the device signed when it announced a file: enough to check it again without this portal."""
    knock = read_header(header(asked.scope, b"authorization"))
    return {
        "device_id": asked.device_id, "public_key": base64.b64encode(raw_public(asked.known.key)).decode(),
        "method": asked.scope["method"], "path": target(asked.scope), "time": knock.moment, "nonce": knock.nonce,
        "body_sha256": hashlib.sha256(asked.body).hexdigest(), "signature": base64.b64encode(knock.signature).decode(),
    }  # fmt: skip


def _with_database[T](function: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return function()
    finally:
        close_old_connections()


_SERVED: Mapping[tuple[str, str], Callable[[AgentLine, Asked], Awaitable[Mapping[str, Any] | Streamed]]] = {
    ("POST", "poll"): AgentLine._serve_poll,
    ("POST", "alerts"): AgentLine._serve_alerts,
    ("POST", "progress"): AgentLine._serve_progress,
    ("POST", "live"): AgentLine._serve_stream,
    ("POST", "rotate"): AgentLine._serve_rotation,
    ("POST", "artefacts"): AgentLine._serve_announcement,
    ("PUT", "artefacts"): AgentLine._serve_part,
    ("GET", "indicators"): AgentLine._serve_indicators,
    ("GET", "library"): AgentLine._serve_library,
}
# What is asked for by name.
_NAMED = frozenset({"artefacts", "indicators", "library", "live"})


async def _until(event: asyncio.Event, seconds: float | None = None) -> bool:
    """Whether the event came in time."""
    limit = random.uniform(*HELD_S) if seconds is None else max(0.0, seconds)  # noqa: S311 - spread, no secret
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), limit)
        return True
    return False


def _digest(status: Mapping[str, Any]) -> str:
    """Of what is kept; what changes with every request is left out."""
    health = status.get("health")
    health = {k: v for k, v in health.items() if k not in {"free_bytes", "clock"}} if isinstance(health, dict) else {}
    kept = {name: value for name, value in status.items() if name not in {"sequence", "results", "health", "lost"}}
    return hashlib.sha256(json.dumps([kept, health], sort_keys=True).encode()).hexdigest()
