"""The half with rights: no network, one socket that the other half alone may open, and nothing done that is not signed.

Messages in: `orders` (envelopes), `keys`, `acknowledge`, `cancel`, `status`, `heard`, `news` (waits for it),
`granted` (what came of a wish), `passed_on` (progress that the portal has), and for root alone `release` and `report`.
Out: what was asked, or `error`.
"""

import argparse
import asyncio
import json
import logging
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from soc_agent import __version__, registry
from soc_agent.capabilities import find_capabilities
from soc_agent.carry_out import Orders
from soc_agent.envelope import BadEnvelope
from soc_agent.folders import Folders
from soc_agent.host import Host
from soc_agent.journal import Entry, Journal
from soc_agent.keep_network import NetworkKeeper
from soc_agent.offboard import is_leaving
from soc_agent.orders import Command, Refused
from soc_agent.release import accept_code
from soc_agent.self_check import digests
from soc_agent.serve import serve
from soc_agent.settings import BadSettings, Settings, load_settings
from soc_agent.spared import find_spared
from soc_agent.trust import Trust, public_key
from soc_agent.vault import Vault
from soc_agent.wanted import Reconciler, observed_text

logger = logging.getLogger("soc_agent.helper")
# However quiet it is, what holds is looked at so often: somebody may have flushed the rules.
LOOK_EVERY_S = 10.0
CAPABILITIES_FOR_S = 600.0
SCAN = "device.antivirus_scan"
NEWS_WITHIN_S = 30.0


class Helper:
    """Answers the network half, and keeps what is wanted also when nobody asks."""

    def __init__(self, settings: Settings, folders: Folders) -> None:
        journal = Journal(folders.state / "journal.sqlite")
        self.host = Host(folders, settings, journal, Vault(folders.vault))
        journal.forget()
        for entry in journal.recover():
            logger.warning("%s (%s) was begun before this start; its outcome is unknown", entry.id, entry.action)
        trust = stored_trust(settings, folders)
        self.orders = Orders(settings.device_id, trust, journal, registry.works(self.host), self._command_moved)
        keepers = registry.keepers(self.host)
        self._network = next(one for one in keepers if isinstance(one, NetworkKeeper))
        self._reconciler = Reconciler(keepers, {name: self._view(view) for name, view in registry.VIEWS.items()})
        self._observed: dict[str, Any] = {}
        self._observed_generation = 0
        self._capabilities: tuple[float, dict[str, str]] = (-CAPABILITIES_FOR_S, {})
        self._look, self._one_at_a_time = asyncio.Event(), asyncio.Lock()

    def _view(self, view: Callable[[Host], Any]) -> Callable[[], Any]:
        return lambda: view(self.host)

    def _command_moved(self, command: Command) -> None:
        """It was begun, or is over: the portal hears of it at once."""
        if self.orders.running(command.id):
            self.host.news.say(command.id)
        else:
            self.look_soon()
            self.host.news.tell()

    def look_soon(self) -> None:
        """Something may have changed what holds."""
        self._look.set()

    async def answer(self, message: Mapping[str, Any], *, root: bool = False) -> dict[str, Any]:
        """One message of the other half, or of root."""
        asked = str(message.get("ask"))
        if asked == "orders":
            return await self._take(message)
        if asked == "news":
            return await self._news(message)
        if asked in ("release", "report") and not root:
            return {"error": "Root alone may ask for that."}
        questions: dict[str, Callable[[Mapping[str, Any]], dict[str, Any] | None]] = {
            "keys": lambda said: self._take_keys(said.get("envelope")),
            "acknowledge": lambda said: self._acknowledge(_names(said.get("ids"))),
            "cancel": lambda said: {"cancelled": self.orders.cancel(str(said.get("id")))},
            "heard": lambda _said: self._heard(),
            "status": lambda _said: self.status(),
            "granted": lambda said: self.host.news.granted(said.get("wish"), said),
            "passed_on": lambda said: self.host.news.taken(_number(said.get("upto"))),
            "release": lambda said: self._release(str(said.get("code", ""))),
            "report": lambda _said: self.report(),
        }
        question = questions.get(asked)
        return (question(message) or {}) if question else {"error": "That is no question."}

    def _acknowledge(self, names: list[str]) -> None:
        for name in names:
            self.orders.journal.acknowledge(name)

    def _heard(self) -> None:
        """A host that opened because nobody was heard is looked at as soon as somebody is."""
        if self._network.heard():
            self.look_soon()
        for told in registry.HEARD:
            told(self.host)

    async def _take(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Commands are begun, the wanted state is reached; what is no order is told and forgotten."""
        refused = []
        listed = message.get("commands")
        for envelope in listed if isinstance(listed, list) else []:
            try:
                await self.orders.take_command(envelope)
            except (BadEnvelope, sqlite3.Error) as error:
                refused.append(str(error))
        desired = message.get("desired")
        if desired is not None:
            try:
                if self.orders.take_desired(desired, json.dumps(desired)) is not None:
                    self._network.heard()
                    self.look_soon()
            except (BadEnvelope, Refused, sqlite3.Error) as error:
                refused.append(str(error))
        for reason in refused:
            logger.warning("an order was not taken: %s", reason)
        return {"refused": refused}

    async def _news(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """What is new since the number `seen`; waits for it."""
        news = self.host.news
        if message.get("fresh"):
            news.ask_again()
        number = await news.after(_number(message.get("seen")), NEWS_WITHIN_S)
        over = [entry.id for entry in self.orders.journal.unanswered()]
        return {"number": number, "wishes": news.pending(), "said": list(news.said), "over": over,
                "observed": self._told_observed()}  # fmt: skip

    def _told_observed(self) -> str:
        """Names what is worth telling at once: values, not counters."""
        return observed_text(self._observed, self._observed_generation)

    def _take_keys(self, envelope: object) -> dict[str, Any]:
        try:
            self.orders.trust = self.orders.trust.with_keys(envelope)
        except BadEnvelope as error:
            return {"error": str(error)}
        folders = self.host.folders
        folders.write(folders.keys, self.orders.trust.envelope.encode())
        return {"version": self.orders.trust.version}

    def _release(self, code: str) -> dict[str, Any]:
        try:
            told = accept_code(code, self.host.journal, self.orders.trust, self.host.settings.device_id)
        except Refused as refusal:
            return {"error": refusal.message, "code": refusal.code}
        self.look_soon()
        return told

    def status(self) -> dict[str, Any]:
        """What the heartbeat carries; the network half adds what it alone knows."""
        return {
            "version": __version__,
            "generation": self._observed_generation,
            "observed": self._observed,
            "indicators": self._observed.get("indicators", {}).get("evidence", {}).get("digest", ""),
            "keys_version": self.orders.trust.version,
            "capabilities": self._known_capabilities(),
            "journal_depth": self.orders.journal.depth,
            "health": self._health(),
            "results": [_told(entry) for entry in self.orders.journal.unanswered()],
            "waiting": self.orders.waiting(),
        }

    def report(self) -> dict[str, Any]:
        """For whoever asks on the host itself."""
        status = self.status()
        running = [entry.id for entry in self.orders.journal.begun()]
        return {**status, "results": [one["id"] for one in status["results"]], "running": running,
                "device_id": self.host.settings.device_id, "url": self.host.settings.url,
                "released": self.host.journal.noted("released"), "heard": self.host.journal.noted("heard")}  # fmt: skip

    def _health(self) -> dict[str, Any]:
        parts = {name: view(self.host) for name, view in registry.HEALTH.items()}
        spared = find_spared(address for address, _port in self.host.settings.portals).told()
        return {"helper": "", **parts, "digests": digests(self.host.folders), "free_bytes": self.host.free_bytes(),
                "spared": spared}  # fmt: skip

    def _known_capabilities(self) -> dict[str, str]:
        at, known = self._capabilities
        if time.monotonic() - at > CAPABILITIES_FOR_S:
            self._capabilities = (time.monotonic(), known := find_capabilities())
        return {**known, SCAN: known.get(SCAN) or self._why_no_scan()}

    def _why_no_scan(self) -> str:
        """With engines that have nothing to compare with, a scan would look at nothing."""
        return registry.HEALTH["scanner"](self.host)

    async def reconcile(self) -> None:
        """Make the host what the kept document says; its signature is checked anew, for the file may be anybody's."""
        async with self._one_at_a_time:
            before, generation = self._told_observed(), self.host.generation()
            observed = await asyncio.to_thread(self._reconciler.reconcile, self._facets())
            observed = await asyncio.to_thread(self._with_scanner, observed)
            # Both at once: what is told is told of the generation that it was looked at for.
            self._observed, self._observed_generation = observed, generation
            if self._told_observed() != before:
                self.host.news.tell()

    def _with_scanner(self, observed: Mapping[str, Any]) -> dict[str, Any]:
        """Whether anything could scan is told as soon as it changes, as what is observed is."""
        seen = observed.get("scan", {})
        return {**observed, "scan": {**seen, "evidence": {**seen.get("evidence", {}), "unable": self._why_no_scan()}}}

    def _facets(self) -> Mapping[str, Any] | None:
        """None without a document, or with one that nobody believes: then nothing is touched. Of a host that leaves
        nothing is wanted any more."""
        if is_leaving(self.host):
            return {}
        _generation, text = self.orders.journal.wanted()
        if not text:
            return None
        try:
            return self.orders.wanted_facets(json.loads(text))
        except (BadEnvelope, ValueError) as error:
            logger.error("the wanted state that is kept here is not believed: %s", error)
            return None

    async def keep(self) -> None:
        """For ever: look, and put right what differs."""
        while True:
            self._look.clear()
            try:
                await self.reconcile()
            except sqlite3.Error as error:
                logger.error("the journal fails: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), LOOK_EVERY_S)


def stored_trust(settings: Settings, folders: Folders) -> Trust:
    """The root that was pinned, and the newest list of keys that it signed."""
    trust = Trust(public_key(settings.root_key))
    with suppress(OSError, ValueError, BadEnvelope):
        trust = trust.with_keys(json.loads(folders.keys.read_text()))
    return trust


def _told(entry: Entry) -> dict[str, Any]:
    return {"id": entry.id, "state": entry.state.value, "result": dict(entry.result), "began": entry.began,
            "ended": entry.ended}  # fmt: skip


def _names(value: object) -> list[str]:
    return [str(one) for one in value[:200]] if isinstance(value, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1


def main() -> None:
    parser = argparse.ArgumentParser(prog="soc-agent-helper", description="The half of the agent that has rights.")
    parser.add_argument("--folder", type=Path, default=Path("/"), help="the root of the agent's own folders")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    folders = Folders(arguments.folder)
    try:
        settings = load_settings(folders.settings)
    except BadSettings as error:
        sys.exit(f"soc-agent-helper: {error}")
    asyncio.run(_live(settings, folders))


async def _live(settings: Settings, folders: Folders) -> None:
    helper = Helper(settings, folders)
    try:
        await serve(helper, folders.socket, settings.agent_uid)
    finally:
        for stop in registry.STOPS:
            await asyncio.to_thread(stop, helper.host)
