"""How the two halves of the agent talk over their socket: one JSON object a message, with its length before it."""

import asyncio
import json
import struct
from typing import Any

MAX_MESSAGE = 12 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class WireError(Exception):
    """The other side sent no message."""


async def receive(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next message, None at the end; raises `WireError`."""
    try:
        length = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))[0]
        if length > MAX_MESSAGE:
            raise WireError("too long")
        value = json.loads(await reader.readexactly(length))
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise WireError("cut off") from None
        return None
    except ValueError:
        raise WireError("no JSON") from None
    if not isinstance(value, dict):
        raise WireError("no object")
    return value


async def send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    content = json.dumps(message).encode()
    writer.write(_LENGTH.pack(len(content)) + content)
    await writer.drain()
