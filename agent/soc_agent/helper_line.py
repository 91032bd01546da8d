"""The network half's end of the socket between the halves."""

import asyncio
from pathlib import Path
from typing import Any

from soc_agent.wire import WireError, receive, send


class HelperGone(Exception):
    """The other half does not answer."""


class HelperLine:
    """One connection to the helper, opened anew when it breaks; one question at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def ask(self, ask: str, **fields: Any) -> dict[str, Any]:
        """Raises `HelperGone`."""
        async with self._turn:
            try:
                if self._ends is None:
                    self._ends = await asyncio.open_unix_connection(self._path, limit=1024 * 1024)
                reader, writer = self._ends
                await send(writer, {"ask": ask, **fields})
                answer = await receive(reader)
            except (OSError, WireError) as error:
                self.close()
                raise HelperGone(str(error)) from None
            except asyncio.CancelledError:
                self.close()  # its answer would be taken for that of the next question
                raise
            if answer is None:
                self.close()
                raise HelperGone("it hung up")
            return answer

    def close(self) -> None:
        if self._ends is not None:
            self._ends[1].close()
            self._ends = None
