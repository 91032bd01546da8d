"""`device.offboard`: this host leaves the portal. What the agent holds in the kernel goes, the answer is given, then
both halves stop. Quarantined files stay in the encrypted store, and the answer says so."""

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from soc_agent import accounts, contain, indicators, isolation, nft, units
from soc_agent.carry_out import Work
from soc_agent.folders import Folders
from soc_agent.guarding import guarding
from soc_agent.host import Host
from soc_agent.isolation import IsolationFailed
from soc_agent.journal import State
from soc_agent.orders import Command
from soc_agent.shadow import ShadowFailed

logger = logging.getLogger(__name__)
NOTE = "offboarded"
# So long the portal may take to hear of it.
ANSWER_WITHIN_S, LOOK_EVERY_S = 300.0, 0.5


def works(host: Host) -> Mapping[str, Work]:
    leaving: list[asyncio.Task[None]] = []

    async def offboard(order: Command) -> tuple[State, dict[str, Any]]:
        outcome = await to_its_end(lambda: leave(host, order))
        leaving.append(asyncio.create_task(stop_when_heard(host, order.id)))
        return outcome

    settle(host)
    return {"device.offboard": offboard}


async def to_its_end(work: Callable[[], tuple[State, dict[str, Any]]]) -> tuple[State, dict[str, Any]]:
    """A host that leaves half is neither in nor out: once begun, no cancelling and no time that is over ends it, and
    what is told is what was done."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    while not running.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(running)
    return running.result()


def settle(host: Host) -> None:
    """At a start: a host that joined again has not left; one that was interrupted while it left has."""
    noted = host.journal.noted(NOTE)
    if not noted:
        return
    if host.folders.settings.stat().st_mtime > noted["at"]:
        host.journal.want_nothing()
        host.journal.note(NOTE, {})
    else:
        mark(host.folders)


def is_leaving(host: Host) -> bool:
    """From then on nothing is wanted of this host."""
    return bool(host.journal.noted(NOTE))


def leave(host: Host, order: Command) -> tuple[State, dict[str, Any]]:
    """Noted first, so that nothing is put into force again."""
    host.journal.note(NOTE, {"at": time.time(), "order": order.id})
    failed: dict[str, str] = {}
    isolation.forget(host.folders.isolation)
    guard = guarding(host)
    for part in ("files", "execution"):
        guard.want(part, {})
    for name, undo, holds in (
        (isolation.TABLE, isolation.release, lambda: bool(isolation.observe().tables)),
        (contain.TABLE, lambda: nft.remove(contain.TABLE), lambda: nft.read_sets(contain.TABLE) is not None),
        (indicators.TABLE, lambda: nft.remove(indicators.TABLE), lambda: nft.read_sets(indicators.TABLE) is not None),
    ):
        if reason := _gone(undo, holds):
            failed[name] = reason
    try:
        accounts.give_back_all(host.journal, host.folders.root)
    except ShadowFailed as error:
        failed[accounts.NOTE] = str(error)
    kept = len(host.vault.items())
    told = (
        f" {kept} quarantined files stay in {host.folders.vault}, encrypted; an agent that joins again restores them."
    )
    result = {
        "vault_items": kept, "failed": failed,
        "detail": f"This host has left the portal; its agent stops.{told if kept else ''}",
    }  # fmt: skip
    return (State.PARTIALLY_SUCCEEDED if failed else State.SUCCEEDED), result


def _gone(undo: Callable[[], None], holds: Callable[[], bool]) -> str:
    """Why it is still there; a host without nft never had it."""
    try:
        if not holds():
            return ""
        undo()
        return "It is still there." if holds() else ""
    except IsolationFailed as error:
        return "" if "not installed" in str(error) else str(error)


async def stop_when_heard(host: Host, order_id: str, within_s: float = ANSWER_WITHIN_S) -> None:
    """When the portal has the answer, or has had time enough."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        entry = host.journal.entry(order_id)
        if entry is not None and entry.acknowledged:
            break
        await asyncio.sleep(LOOK_EVERY_S)
    mark(host.folders)
    disable()
    os.kill(os.getpid(), signal.SIGTERM)


def mark(folders: Folders) -> None:
    """In the settings, so that neither half starts again; joining anew writes them anew, with another key: the one that
    has left is of no more use."""
    for key in (folders.identity, folders.next_identity):
        key.unlink(missing_ok=True)
    try:
        value = json.loads(folders.settings.read_text())
    except (OSError, ValueError) as error:
        logger.error("the settings could not be marked: %s", error)
        return
    if not value.get(NOTE):
        folders.write(folders.settings, json.dumps({**value, NOTE: time.time()}, indent=2).encode(), 0o644)


def disable() -> None:
    """Where systemd runs the agent it does not start it again; this process ends with the last of them."""
    if units.are_here() and (reason := units.stop_for_good()):
        logger.error("%s", reason)
