"""The network half's end of the socket between the halves."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

from soc_agent.wire import WireError, receive, send

logger = logging.getLogger(__name__)
# The helper may start after this half; when it is away for longer, something is wrong.
MOST_AWAY_S = 30.0


class HelperGone(Exception):
    """The other half does not answer."""


class HelperLine:
    """One connection to the helper, opened anew when it breaks; one question at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()
        self._answered = False
        self._away_since: float | None = None
        self._said = False

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
                raise self._gone(str(error)) from None
            except asyncio.CancelledError:
                self.close()  # its answer would be taken for that of the next question
                raise
            if answer is None:
                raise self._gone("it hung up")
            self._is_back()
            return answer

    def _gone(self, why: str) -> HelperGone:
        """Said once: when it was there and went, or when it does not come."""
        self.close()
        now = time.monotonic()
        since = self._away_since = now if self._away_since is None else self._away_since
        if not self._said and (self._answered or now - since > MOST_AWAY_S):
            logger.error("the helper is %s: %s", "gone" if self._answered else "not there", why)
            self._said = True
        return HelperGone(why)

    def _is_back(self) -> None:
        if self._said:
            logger.warning("the helper is back")
        self._answered, self._away_since, self._said = True, None, False

    def close(self) -> None:
        if self._ends is not None:
            self._ends[1].close()
            self._ends = None
