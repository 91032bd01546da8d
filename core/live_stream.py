"""The native-async end of live updates: Server-Sent Events on `/live/`, outside Django's middleware.

Every message is an id; the page fetches the fragment itself, and authorisation happens there. The session is checked
at the start and every half minute, so that a signed-out browser stops hearing.
"""

import asyncio
import json
import math
import os
import platform
import time
from collections import Counter
from functools import cache
from http.cookies import CookieError, SimpleCookie
from typing import Any

import redis as plain_redis
import redis.asyncio as redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.db import close_old_connections
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string

from core import clock
from core.live import CHANNEL

CHECK_EVERY_S = 30.0
# Of one person. A browser opens one for all its tabs, so this is many browsers.
MOST_STREAMS = 20
KEEP_ALIVE = b": alive\n\n"


_streams: Counter[int] = Counter()
# How many each process holds, so that one of them can tell the sum: `count at-what-time` by process.
_HELD = "soc:streams"
_BELIEVED_S = 3 * CHECK_EVERY_S


class Listener:
    """Who listens: the person and the groups they may hear of (None: everything)."""

    def __init__(self, user_id: int, groups: frozenset[int] | None) -> None:
        self.user_id, self.groups = user_id, groups

    def may_hear(self, message: dict[str, Any]) -> bool:
        people, groups = message.get("people"), message.get("groups")
        if people is not None:
            return self.user_id in people
        return groups is None or self.groups is None or not self.groups.isdisjoint(groups)


def _cookie(scope: dict[str, Any], name: str) -> str:
    raw = b"; ".join(value for key, value in scope.get("headers", ()) if key == b"cookie")
    try:
        morsel = SimpleCookie(raw.decode("latin-1")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _identify(session_key: str) -> Listener | None:
    """The signed-in, active user of a session, or None."""
    close_old_connections()
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(session_key)
    user_id = store.get(SESSION_KEY)
    if user_id is None or store.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    # What `accounts` wrote into the session: until when it holds, and whether something must be set up first.
    if store.get("held") or store.get("valid_until", math.inf) < clock.real_now().timestamp():
        return None
    user: Any = get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()
    if user is None or not constant_time_compare(store.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return None
    if user.must_change_password or not user.holds("security_data.read"):
        return None
    return Listener(user.pk, None if user.scope.everything else user.scope.group_ids)


async def live_stream(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application of `/live/`."""
    if scope["type"] != "http":
        return
    session_key = _cookie(scope, settings.SESSION_COOKIE_NAME)
    listener = await sync_to_async(_identify)(session_key) if session_key else None
    if listener is None:
        await _refuse(send, 401, b"Sign in first.")
        return
    if _streams[listener.user_id] >= MOST_STREAMS:
        await _refuse(send, 429, b"Too many streams of one person are open.")
        return
    _streams[listener.user_id] += 1
    try:
        await _serve(listener, session_key, receive, send)
    finally:
        _streams[listener.user_id] -= 1
        await sync_to_async(_tell_how_many)()


def _tell_how_many() -> None:
    try:
        _figures().hset(_HELD, f"{platform.node()}:{os.getpid()}", f"{_streams.total()} {time.time():.0f}")
    except plain_redis.RedisError:
        return  # figures never stop the work


def open_everywhere() -> int:
    """Streams that all processes hold together. Raises when the broker is away."""
    held: Any = _figures().hgetall(_HELD)
    known = {name: value.decode().split() for name, value in held.items()}
    gone = [name for name, (_, at) in known.items() if time.time() - float(at) > _BELIEVED_S]
    if gone:
        _figures().hdel(_HELD, *gone)
    return sum(int(count) for name, (count, _) in known.items() if name not in gone)


@cache
def _figures() -> plain_redis.Redis:
    return plain_redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


async def _refuse(send: Any, status: int, why: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": why})


async def _serve(listener: Listener, session_key: str, receive: Any, send: Any) -> None:
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    streaming = asyncio.create_task(_stream(listener, session_key, send))
    try:
        await asyncio.wait([streaming, asyncio.create_task(_gone(receive))], return_when=asyncio.FIRST_COMPLETED)
    finally:
        streaming.cancel()


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _stream(listener: Listener, session_key: str, send: Any) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    try:
        async with client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(CHANNEL)
            await sync_to_async(_tell_how_many)()
            await send({"type": "http.response.body", "body": b"event: open\ndata: {}\n\n", "more_body": True})
            await _pump(listener, session_key, channel, send)
    finally:
        await client.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pump(listener: Listener, session_key: str, channel: Any, send: Any) -> None:
    loop = asyncio.get_running_loop()
    check_at = loop.time() + CHECK_EVERY_S
    while True:
        message = await channel.get_message(timeout=10.0)
        if loop.time() > check_at:  # before anything is told: the rights may be others by now
            fresh = await sync_to_async(_identify)(session_key)
            if fresh is None:
                return
            await sync_to_async(_tell_how_many)()
            listener, check_at = fresh, loop.time() + CHECK_EVERY_S
        body = KEEP_ALIVE
        if message is not None:
            update = json.loads(message["data"])
            if not listener.may_hear(update):
                continue
            line = json.dumps({"topic": update["topic"], "id": update["id"]})
            body = f"data: {line}\n\n".encode()
        await send({"type": "http.response.body", "body": body, "more_body": True})
