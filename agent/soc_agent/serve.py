"""The helper's socket, and what runs beside it for as long as the helper does."""

import asyncio
import logging
import os
import shutil
import signal
import socket
import struct
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Protocol

from soc_agent.detect import beside as detector
from soc_agent.host import Host
from soc_agent.wire import WireError, receive, send

logger = logging.getLogger(__name__)
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
# Tables of ours in the kernel begin so.
OURS = b"soc_"
WATCH_AGAIN_S = 5.0


class Answering(Protocol):
    """What serves the socket; `keep` never ends."""

    host: Host

    async def answer(self, message: Mapping[str, Any], *, root: bool = False) -> dict[str, Any]: ...

    async def keep(self) -> None: ...

    def look_soon(self) -> None: ...


async def serve(helper: Answering, path: Path, agent_uid: int) -> None:
    """Until it is told to stop. Only the agent's own user, and root, may speak here."""
    helper.host.news.bind()
    speaking: set[asyncio.StreamWriter] = set()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        speaking.add(writer)
        try:
            await _speak(helper, reader, writer, agent_uid)
        finally:
            speaking.discard(writer)
            writer.close()

    server = await asyncio.start_unix_server(speak, sock=_listening(path, agent_uid))
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    beside = [asyncio.create_task(one) for one in _beside(helper)]
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait([*beside, waiting], return_when=asyncio.FIRST_COMPLETED)
    for task in (*beside, waiting):
        task.cancel()
    await asyncio.gather(*beside, waiting, return_exceptions=True)
    server.close()
    for writer in speaking:
        writer.close()
    helper.host.journal.close()


def _beside(helper: Answering) -> tuple[Coroutine[Any, Any, None], ...]:
    return helper.keep(), watch_rules(helper.look_soon), detector.run(helper.host)


async def _speak(helper: Answering, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, agent_uid: int) -> None:
    peer, listening = _peer_uid(writer), False
    if peer not in (agent_uid, 0):
        return
    try:
        while (message := await receive(reader)) is not None:
            if message.get("ask") == "news" and not listening:
                listening = True
                helper.host.news.listen(1)
            await send(writer, await helper.answer(message, root=peer == 0))
    except (WireError, ConnectionError) as error:
        logger.warning("the other half spoke badly: %s", error)
    finally:
        helper.host.news.listen(-int(listening))


def _listening(path: Path, agent_uid: int) -> socket.socket:
    """Made with its rights before anybody can connect."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    if os.geteuid() == 0:
        os.chown(path, agent_uid, -1)
    path.chmod(0o600)
    listener.listen(16)
    return listener


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    """The user at the other end, as the kernel knows it."""
    end: socket.socket = writer.get_extra_info("socket")
    return int(struct.unpack("3i", end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])


async def watch_rules(changed: Callable[[], None]) -> None:
    """For ever: whoever changes our rules in the kernel is noticed while it happens. Without `nft` the regular look
    alone notices it."""
    while True:
        nft, setpriv = (shutil.which(name, path=_PATH) for name in ("nft", "setpriv"))
        if nft is not None:
            # It must not outlive the helper, however that ends.
            words = [setpriv, "--pdeathsig", "KILL", nft, "monitor"] if setpriv else [nft, "monitor"]
            await _watch(words, changed)
        await asyncio.sleep(WATCH_AGAIN_S)


async def _watch(words: list[str], changed: Callable[[], None]) -> None:
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        while process.stdout is not None and (said := await process.stdout.read(65_536)):
            if OURS in said:
                changed()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
