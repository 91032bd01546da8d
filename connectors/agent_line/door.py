"""The door of the line: which machine knocks, and whether it is let in."""

import time
from collections.abc import Mapping
from typing import Any

import redis.asyncio as redis
from django.conf import settings
from redis.exceptions import RedisError

from connectors.agent_line.http import header, target
from connectors.agent_line.knocking import (
    SKEW_S,
    Known,
    NotAdmitted,
    check_pace,
    check_signature,
    check_state,
    read_agent,
    read_header,
)
from connectors.agent_line.threads import Threads
from connectors.agent_line.waiting import Waiters

READ_AGAIN_S = 60.0
MOST_KNOWN = 20_000
# From one address, in a minute; whoever has no key yet can be recognised by nothing else.
MOST_ENROLMENTS = 60


class Door:
    """What one process remembers of those who knocked."""

    def __init__(self, threads: Threads, waiters: Waiters) -> None:
        self._threads, self._waiters = threads, waiters
        self._known: dict[str, Known] = {}
        self._enrolments: dict[str, list[float]] = {}
        self._broker: redis.Redis | None = None
        self._nonces: dict[str, float] = {}

    async def close(self) -> None:
        """Let go of the broker; of the loop that this was used in."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.aclose()

    def forget(self, device_id: str) -> None:
        """Its key has changed."""
        self._known.pop(device_id, None)

    def tidy(self) -> None:
        """Nonces that no request can carry any more go."""
        now = time.monotonic()
        self._nonces = {name: at for name, at in self._nonces.items() if now - at < 2 * SKEW_S}

    async def admit(self, scope: Mapping[str, Any], method: str, body: bytes) -> Known:
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
        fresh = await self._threads.run(read_agent, device_id)
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

    def check_enrolments(self, peer: str) -> None:
        now = time.monotonic()
        recent = [at for at in self._enrolments.get(peer, []) if now - at < 60]
        if len(recent) >= MOST_ENROLMENTS:
            raise NotAdmitted(429, "too_often", "Too many machines try to join from this address.")
        self._enrolments[peer] = [*recent, now]
        if len(self._enrolments) > 1_000:
            self._enrolments = {name: times for name, times in self._enrolments.items() if now - times[-1] < 60}
