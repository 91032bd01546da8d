"""Held polls: each waits for its device's wake-up, which comes over the broker from whichever process has news."""

import asyncio
import logging
import random
from contextlib import suppress

import redis.asyncio as redis
from django.conf import settings
from redis.exceptions import RedisError

from connectors.services.agents.wake import CHANNEL, EVERYBODY, STREAM

logger = logging.getLogger(__name__)
PAUSE_S = 2.0
# A poll is answered within this even when there is nothing to say; spread, so that they never come in step.
HELD_S = (60.0, 70.0)


class Waiters:
    """One event for each device whose poll is held here."""

    def __init__(self) -> None:
        self._held: dict[str, asyncio.Event] = {}
        self.changed: set[str] = set()

    def hold(self, device_id: str) -> asyncio.Event:
        """The event of a new poll; an older poll of the same device is answered."""
        if older := self._held.get(device_id):
            older.set()
        self._held[device_id] = event = asyncio.Event()
        return event

    def let_go(self, device_id: str, event: asyncio.Event) -> None:
        if self._held.get(device_id) is event:
            del self._held[device_id]

    def wake(self, word: str) -> None:
        events = list(self._held.values()) if word == EVERYBODY else [self._held.get(word)]
        if not word.startswith(STREAM):
            self.changed.add(word)
        for event in events:
            if event is not None:
                event.set()

    async def listen(self) -> None:
        """For ever. While the broker is away, devices are told at their next poll."""
        while True:
            with suppress(RedisError, OSError):
                await self._listen()
            await asyncio.sleep(PAUSE_S)

    async def _listen(self) -> None:
        client = redis.Redis.from_url(settings.REDIS_URL)
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(CHANNEL)
                async for message in channel.listen():
                    self.wake(message["data"].decode())
        finally:
            await client.aclose()


def a_while() -> float:
    return random.uniform(*HELD_S)  # noqa: S311 - spread, no secret


async def until(event: asyncio.Event, seconds: float | None = None) -> bool:
    """Whether the event came in time."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), a_while() if seconds is None else max(0.0, seconds))
        return True
    return False
