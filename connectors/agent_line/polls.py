"""Polls: what a device tells with one, and what it is told, at once or as soon as there is something."""

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from connectors.agent_line.http import number, numbers
from connectors.agent_line.knocking import Known, asks_for_key, is_clone, is_overtaken
from connectors.agent_line.threads import Threads
from connectors.agent_line.waiting import Waiters, a_while, until
from connectors.enums import AgentState
from connectors.services.agents import heartbeat
from connectors.services.agents.orders import LINE
from core import clock
from core.metrics import tally


class Polls:
    """Those of one process; `flush` keeps what was only counted so far."""

    def __init__(self, threads: Threads, waiters: Waiters) -> None:
        self._threads, self._waiters = threads, waiters
        self._seen: dict[int, tuple[datetime, int]] = {}
        self._counts: Counter[str] = Counter()

    async def flush(self) -> None:
        seen, self._seen = self._seen, {}
        await self._threads.run(heartbeat.note_seen, seen)
        counts, self._counts = self._counts, Counter()
        await self._threads.run(tally, "agent_polls", counts)

    async def answer(self, known: Known, device_id: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
        status = told.get("status")
        status = status if isinstance(status, dict) else {}
        # One that is not to be held takes the place of none that is: that one would not hear of what comes.
        held = told.get("hold_s") != 0
        event = self._waiters.hold(device_id) if held else asyncio.Event()
        try:
            await self.note(known, status, told.get("inventory"))
            if known.state != AgentState.APPROVED:
                await until(event, None if held else 0)
                return {"state": known.state, "commands": [], "desired": None, "time": time.time()}
            taken = await self._take_results(known, status)
            rotate = held and asks_for_key(known)
            found = await self._work(known, status, event, at_once=bool(taken) or rotate or not held)
            self._counts["work" if found["commands"] or found["desired"] else "nothing"] += 1
            return {**found, "acknowledged": taken, "rotate": rotate}
        finally:
            self._waiters.let_go(device_id, event)

    async def _take_results(self, known: Known, status: Mapping[str, Any]) -> list[str]:
        results = status.get("results")
        return (
            await self._threads.run(heartbeat.take_results, known.pk, results)
            if isinstance(results, list) and results
            else []
        )

    async def _work(
        self, known: Known, status: Mapping[str, Any], event: asyncio.Event, *, at_once: bool
    ) -> dict[str, Any]:
        """What the device is told, as soon as there is something."""
        where: dict[str, Any] = {
            "generation": number(status, "generation"), "keys_version": number(status, "keys_version"),
            "lost": numbers(status, "lost"),
        }  # fmt: skip
        counted = number(status, "sequence")
        digest = str(status.get("indicators", ""))[:64]
        deadline = time.monotonic() + a_while()
        while True:
            event.clear()
            anything = partial(heartbeat.anything_for, known.pk, digest=digest, **where)
            if await self._threads.run(anything):
                work = await self._threads.run(partial(heartbeat.work_for, known.pk, number=counted, **where))
                return {
                    "commands": work.commands, "desired": work.desired, "indicators": work.indicators,
                    "cancel": work.cancel, "keys": work.keys, "time": time.time(),
                }  # fmt: skip
            if at_once or not await until(event, deadline - time.monotonic()):
                return {"commands": [], "desired": None, "indicators": digest, "cancel": [], "time": time.time()}
            if self._waiters.changed and known.state != AgentState.APPROVED:
                return {"commands": [], "desired": None, "time": time.time()}
            at_once = True

    async def note(self, known: Known, status: Mapping[str, Any], inventory: object) -> None:
        """Most heartbeats say nothing new: then only the time is noted, of many devices at once."""
        counted = number(status, "sequence")
        if is_clone(known, counted):
            await self._threads.run(
                partial(heartbeat.alarm_of_clone, known.pk, told=counted, known=known.sequence, actor=LINE)
            )
        async with known.telling:
            await self._keep(known, status, inventory if isinstance(inventory, dict) else None, counted)
        self._seen[known.pk] = (clock.real_now(), known.sequence)

    async def _keep(
        self, known: Known, status: Mapping[str, Any], inventory: Mapping[str, Any] | None, counted: int
    ) -> None:
        """What the device told before something that is kept already says nothing new; its inventory does."""
        digest, overtaken = _digest(status), is_overtaken(known, counted)
        if inventory is not None or (digest != known.status_digest and not overtaken):
            taking = partial(heartbeat.take_status, known.pk, told=status, inventory=inventory, actor=LINE)
            await self._threads.run(taking)
            known.status_digest = "" if overtaken else digest
        if not overtaken:
            known.told = counted


def _digest(status: Mapping[str, Any]) -> str:
    """Of what is kept; what changes with every request is left out."""
    health = status.get("health")
    health = {k: v for k, v in health.items() if k not in {"free_bytes", "clock"}} if isinstance(health, dict) else {}
    kept = {name: value for name, value in status.items() if name not in {"sequence", "results", "health", "lost"}}
    return hashlib.sha256(json.dumps([kept, health], sort_keys=True).encode()).hexdigest()
