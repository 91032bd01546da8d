"""Files of results on their way to the portal: small ones go before the word that names them, large ones beside it, so
that a file of gigabytes keeps neither the heartbeat nor another order waiting."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from soc_agent.portal import Portal, PortalError, pause_after

logger = logging.getLogger(__name__)
AT_ONCE = 4 * 1024 * 1024
# What the portal will never take, and how often what it may take later is tried.
_NEVER = frozenset({"too_large", "bad_upload", "not_ordered"})
_LATER = frozenset({"no_room", "too_many", "other_content", "bad_part"})
TRIES = 20


class Sending:
    """`folder` is the spool; `sent` is called when a result can be told that could not before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._refused: dict[str, PortalError] = {}
        self.sent: Callable[[], None] = lambda: None

    async def ready(self, portal: Portal, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those whose files are there. The others are told once theirs are. Raises `PortalError` and `OSError`."""
        found = []
        for one in results:
            waiting = [each for each in _artefacts(one) if self._file(each).is_file()]
            if sum(self._file(each).stat().st_size for each in waiting) > AT_ONCE:
                self._begin(str(one["id"]), portal, waiting)
                continue
            if await self._send_at_once(portal, waiting):
                found.append(self._told(one))
            else:
                self._begin(str(one["id"]), portal, waiting)
        return found

    async def _send_at_once(self, portal: Portal, artefacts: list[Mapping[str, Any]]) -> bool:
        """Whether the result can be told. Raises `PortalError` and `OSError`."""
        for artefact in artefacts:
            try:
                await self._send(portal, artefact)
            except PortalError as error:
                if error.reason in _LATER:
                    return False
                if error.reason not in _NEVER:
                    raise
                self._give_up(artefact, error)
        return True

    def _begin(self, name: str, portal: Portal, artefacts: list[Mapping[str, Any]]) -> None:
        if name not in self._tasks:
            self._tasks[name] = task = asyncio.create_task(self._send_all(portal.twin(), artefacts))
            task.add_done_callback(lambda _: self._over(name))

    def _over(self, name: str) -> None:
        task = self._tasks.pop(name)
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            logger.error("a file was not sent: %s", error)  # the next poll begins anew
        else:
            self.sent()

    async def _send_all(self, portal: Portal, artefacts: list[Mapping[str, Any]]) -> None:
        try:
            for artefact in artefacts:
                await self._send_patiently(portal, artefact)
        finally:
            portal.close()

    async def _send_patiently(self, portal: Portal, artefact: Mapping[str, Any]) -> None:
        """Goes on where the portal says that it is, however often the line breaks."""
        failures = refusals = 0
        while True:
            try:
                return await self._send(portal, artefact)
            except (PortalError, OSError) as error:
                reason = error.reason if isinstance(error, PortalError) else ""
                refusals += reason in _LATER
                if isinstance(error, PortalError) and (reason in _NEVER or refusals >= TRIES):
                    return self._give_up(artefact, error)
                logger.warning("%s is sent again later: %s", artefact.get("name"), error)
                await asyncio.sleep(pause_after(failures))
                failures += 1

    async def _send(self, portal: Portal, artefact: Mapping[str, Any]) -> None:
        digest = str(artefact["sha256"])
        async with self._locks.setdefault(digest, asyncio.Lock()):
            file = self._file(artefact)
            if file.is_file():
                await asyncio.to_thread(portal.upload, artefact, self._folder)
                with suppress(OSError):
                    file.unlink()

    def _give_up(self, artefact: Mapping[str, Any], error: PortalError) -> None:
        """The result is told without the file, with what the portal said."""
        logger.error("%s is not taken by the portal: %s", artefact.get("name"), error)
        self._refused[str(artefact["sha256"])] = error
        with suppress(OSError):
            self._file(artefact).unlink()

    def _told(self, one: dict[str, Any]) -> dict[str, Any]:
        error = next((self._refused[each] for each in map(_digest, _artefacts(one)) if each in self._refused), None)
        if error is None:
            return one
        return {**one, "result": {**one["result"], "code": error.reason, "detail": f"The portal: {error}"}}

    def _file(self, artefact: Mapping[str, Any]) -> Path:
        return self._folder / (_digest(artefact) or "none")


def _digest(artefact: Mapping[str, Any]) -> str:
    return str(artefact.get("sha256", ""))


def _artefacts(one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """As they are announced: the portal takes a file for an order alone."""
    return [{**each, "order": one.get("id")} for each in one.get("result", {}).get("artefacts", [])]
