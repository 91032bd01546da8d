"""What stands where the lab's hosts meet: the way to the portal, bytes only, and the sink where stand-ins send to."""

import asyncio
import contextlib
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from soc_portal.lab.plan import BRIDGE4, PORTAL_PORT, SINK4, SINK6, SINK_PORT, read_plan

_PART = 65_536
_TELL_EVERY_S = 0.5


class Sink:
    """Takes what comes and counts it by sender; nothing is kept."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.taken: dict[str, int] = {}

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = str(writer.get_extra_info("peername")[0])
        with contextlib.suppress(OSError):
            while part := await reader.read(_PART):
                self.taken[sender] = self.taken.get(sender, 0) + len(part)
        writer.close()

    async def tell(self) -> None:
        told = ""
        while True:
            text = json.dumps(self.taken)
            if text != told:
                draft = self._file.with_suffix(".new")
                draft.write_text(text)
                draft.replace(self._file)
                told = text
            await asyncio.sleep(_TELL_EVERY_S)


class Relay:
    """Each connection becomes one to the portal's socket."""

    def __init__(self, portal: Path) -> None:
        self._portal = portal

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner, outer = await self._open()
        except OSError:
            writer.transport.abort()  # nobody there: the agent tries again
            return
        try:
            await asyncio.gather(_pump(reader, outer), _pump(inner, writer))
        finally:
            outer.close()
            writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Through an open folder: the path of a socket may have 107 bytes, that of a data folder more."""
        folder = os.open(self._portal.parent, os.O_PATH)
        try:
            return await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/{self._portal.name}")
        finally:
            os.close(folder)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(_PART):
            writer.write(part)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def serve(portal: Path, folder: Path) -> None:
    sink, relay = Sink(folder / "sink.json"), Relay(portal)
    servers = [
        *[await asyncio.start_server(relay.pass_on, BRIDGE4, port) for port in sorted(ports_of(portal.parent))],
        await asyncio.start_server(sink.take, (SINK4, SINK6), SINK_PORT),
    ]
    async with contextlib.AsyncExitStack() as stack:
        for one in servers:
            await stack.enter_async_context(one)
        await sink.tell()


def ports_of(data: Path) -> set[int]:
    """The lab's own, and the one that the portal's command for machines names, so that it works on a host as copied."""
    try:
        url = json.loads((data / "instance.json").read_text())["agents_url"]
        return {PORTAL_PORT, urlsplit(url).port or PORTAL_PORT}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {PORTAL_PORT}


def main(lab_text: str) -> None:
    lab = read_plan(lab_text)
    asyncio.run(serve(Path(lab.portal), Path(lab.folder)))
