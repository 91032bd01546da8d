"""What the portal is told and what becomes of its answer, for the held poll and for what goes out beside it alike."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soc_agent import __version__
from soc_agent.folders import Folders
from soc_agent.helper_line import HelperGone, HelperLine
from soc_agent.inventory import read_inventory
from soc_agent.portal import Portal, PortalError
from soc_agent.sending import Sending
from soc_agent.wanted import observed_text

POLL = "/agent/v1/poll"
INVENTORY_EVERY_S = 3600.0
# Answers that wait for the helper; the portal says again what was not begun.
MOST_LEFT = 50
# So many polls may be under way when this half ends.
LAST = 5
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Reports:
    """Numbers them: `sequence` grows with every poll of this installation, so two of them with one key show."""

    def __init__(self, helper: HelperLine, folders: Folders) -> None:
        self.helper, self._folders = helper, folders
        self._sequence = _stored(folders.sequence)
        self._inventory_at = -INVENTORY_EVERY_S
        self._clock: float | None = None
        self._last: dict[str, Any] = {}
        self._sending = asyncio.Lock()
        self.sending = Sending(folders.spool)
        self._left: deque[Mapping[str, Any]] = deque(maxlen=MOST_LEFT)
        self._delivering = asyncio.Lock()
        self.told: set[str] = set()
        self.told_observed = ""
        # Numbers of polls whose answers never came: what they carried is handed over again. What came of the last
        # ones before this start nobody knows.
        self._lost = deque(range(max(1, self._sequence - LAST + 1), self._sequence + 1), maxlen=MOST_LEFT)

    async def poll(self, portal: Portal, *, held: bool, told: asyncio.Event | None = None) -> dict[str, Any]:
        """Files first, so that the portal has them before it hears of the answer that names them. Polls leave in the
        order of their numbers; `told` is set when it has left. Raises `PortalError`."""
        status = await self._status()
        status["results"] = await self.sending.ready(portal, status["results"])
        report: dict[str, Any] = {"status": status}
        if held and time.monotonic() - self._inventory_at > INVENTORY_EVERY_S:
            report["inventory"] = await asyncio.to_thread(read_inventory)
        if not held:
            report["hold_s"] = 0
        answer = await self._send(portal, report, told or asyncio.Event())
        if "inventory" in report:
            self._inventory_at = time.monotonic()
        await self._take(answer)
        return answer

    async def _send(self, portal: Portal, report: dict[str, Any], left: asyncio.Event) -> dict[str, Any]:
        loop = asyncio.get_running_loop()

        def left_it() -> None:
            loop.call_soon_threadsafe(left.set)

        async with self._sending:
            # What was seen while files went out, or another poll left: a higher number must not say older things.
            report["status"] = {**await self._status(), "results": report["status"]["results"]}
            number = report["status"]["sequence"] = await asyncio.to_thread(self._next)
            lost = report["status"]["lost"] = list(self._lost)
            asking = asyncio.create_task(asyncio.to_thread(
                portal.ask, "POST", POLL, report, left_it
            ))  # fmt: skip
            leaving = asyncio.create_task(left.wait())
            await asyncio.wait([asking, leaving], return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            self._remember(report)
        try:
            answer = await asking
        except PortalError:
            self.told, self.told_observed = set(), ""
            self._lost.append(number)
            raise
        self._lost = deque((one for one in self._lost if one not in lost), maxlen=MOST_LEFT)
        return answer

    def _next(self) -> int:
        self._sequence += 1
        self._folders.write(self._folders.sequence, str(self._sequence).encode())
        return self._sequence

    async def _status(self) -> dict[str, Any]:
        """The helper's word with what this half knows; without the helper, that it is gone."""
        try:
            status = self._last = await self.helper.ask("status")
        except HelperGone as error:
            known = {name: self._last.get(name) for name in ("generation", "keys_version")}
            status = {"version": __version__, **known, "observed": {}, "capabilities": {}, "journal_depth": 0,
                      "results": [], "health": {"helper": f"It does not answer: {error}"}}  # fmt: skip
        health = {**status.get("health", {}), "clock": self._clock}
        return {**status, "boot": _first_line(BOOT_ID), "health": health}

    def _remember(self, report: Mapping[str, Any]) -> None:
        status = report["status"]
        self.told = {one["id"] for one in status["results"]}
        self.told_observed = observed_text(status["observed"], status["generation"])

    async def _take(self, answer: Mapping[str, Any]) -> None:
        at = answer.get("time")
        if isinstance(at, int | float) and not isinstance(at, bool):
            self._clock = round(time.time() - at, 1)
        self._left.append(answer)
        await self.deliver()

    async def deliver(self) -> None:
        """Hand over what the portal said, in its order; what the helper does not hear now it hears when it is back."""
        async with self._delivering:
            while self._left:
                try:
                    await self._hand_over(self._left[0])
                except HelperGone:
                    return
                self._left.popleft()

    async def _hand_over(self, answer: Mapping[str, Any]) -> None:
        await self.helper.ask("heard")
        if answer.get("keys"):
            await self.helper.ask("keys", envelope=answer["keys"])
        if answer.get("acknowledged"):
            await self.helper.ask("acknowledge", ids=answer["acknowledged"])
        for name in answer.get("cancel") or []:
            await self.helper.ask("cancel", id=name)
        if answer.get("commands") or answer.get("desired"):
            await self.helper.ask("orders", commands=answer.get("commands") or [], desired=answer.get("desired"))


def _stored(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _first_line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
