"""Requests and answers of the line, as ASGI carries them; everything is bounded before it is read."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import parse_qs

from connectors.agent_line.knocking import NotAdmitted, read_header

PIECE = 1024 * 1024


async def body_of(receive: Any, limit: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise NotAdmitted(400, "cut_off", "The request was cut off.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise NotAdmitted(413, "too_large", "The request is larger than any.")
        if not message.get("more_body"):
            return b"".join(parts)


async def hung_up(receive: Any, serving: "asyncio.Task[Any] | None") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    if serving is not None:
        serving.cancel()


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that is read piece by piece, so that a large one is never in memory."""

    size: int
    file: IO[bytes]


async def stream(send: Callable[[dict[str, Any]], Awaitable[None]], answer: Streamed) -> None:
    """A file that turns out to be damaged on the way is cut off: whoever fetches it misses the rest."""
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(answer.size).encode()),
               (b"cache-control", b"no-store")]  # fmt: skip
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    try:
        while part := await asyncio.to_thread(answer.file.read, PIECE):
            await send({"type": "http.response.body", "body": part, "more_body": True})
    finally:
        answer.file.close()
    await send({"type": "http.response.body", "body": b""})


async def reply(
    send: Callable[[dict[str, Any]], Awaitable[None]], status: int, answer: Mapping[str, Any] | bytes
) -> None:
    plain = isinstance(answer, bytes)
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    kind = b"application/octet-stream" if plain else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    if status == 429:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def json_in(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise NotAdmitted(400, "no_json", "The request holds no JSON.") from None
    if not isinstance(value, dict):
        raise NotAdmitted(400, "no_json", "The request holds no JSON object.")
    return value


def header(scope: Mapping[str, Any], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def header_id(scope: Mapping[str, Any]) -> str:
    return read_header(header(scope, b"authorization")).device_id


def target(scope: Mapping[str, Any]) -> str:
    """Path and query as the device wrote them: that is what it signed."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return (raw.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")


def offset(scope: Mapping[str, Any]) -> int:
    text = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("offset", [""])[0]
    if not text.isdigit() or len(text) > 12:
        raise NotAdmitted(400, "bad_offset", "A part has an offset.")
    return int(text)


def peer(scope: Mapping[str, Any]) -> str:
    return str((scope.get("client") or ("socket", 0))[0])


def number(status: Mapping[str, Any], name: str) -> int:
    value = status.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def numbers(status: Mapping[str, Any], name: str, most: int = 50) -> list[int]:
    listed = status.get(name)
    return [one for one in listed[:most] if type(one) is int and 0 < one < 2**53] if isinstance(listed, list) else []
