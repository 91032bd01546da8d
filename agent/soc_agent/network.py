"""The half without rights: holds the line to the portal, hands orders to the helper, brings answers back.

It can read what the portal says and what the helper answers; it can make neither. Whoever takes it over can keep
orders back, and the portal sees that within a minute.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from soc_agent import units
from soc_agent.courier import Courier
from soc_agent.enroll import EnrolmentFailed, enroll, read_token
from soc_agent.folders import Folders
from soc_agent.helper_line import HelperLine
from soc_agent.identity import load_identity
from soc_agent.portal import Portal, PortalError, Signer, pause_after
from soc_agent.reports import Reports
from soc_agent.rotation import Rotation
from soc_agent.settings import BadSettings, Settings, is_offboarded, load_settings

logger = logging.getLogger("soc_agent.network")
# A device that was thrown out asks now and then whether it was let in again.
REVOKED_PAUSE_S = 3600.0
LEFT_EVERY_S = 2.0


class Agent:
    """One poll after the other, held by the portal while nothing is new; what is new here goes out beside it."""

    def __init__(self, portal: Portal, folders: Folders) -> None:
        self._portal, self._folders = portal, folders
        self._helper = HelperLine(folders.socket)
        self._reports = Reports(self._helper, folders)
        self._rotation = Rotation(portal, folders)
        self._courier = Courier(portal, self._reports, folders)

    async def run(self) -> None:
        beside = asyncio.create_task(self._courier.run())
        try:
            await self._poll_for_ever()
        finally:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)

    async def _poll_for_ever(self) -> None:
        failures = 0
        while not is_offboarded(self._folders.settings):
            try:
                await self._round()
                failures = 0
            except (PortalError, OSError) as error:
                failures += 1
                await self._after_failure(error, failures)

    async def _round(self) -> None:
        answer = await self._reports.poll(self._portal, held=True)
        await self._rotation.settle()
        if answer.get("rotate"):
            await self._rotation.rotate()

    async def _after_failure(self, error: Exception, failures: int) -> None:
        if isinstance(error, PortalError) and error.reason == "revoked":
            logger.error("the portal has revoked this device; what holds here goes on to hold")
            await self._rest(pause_after(12, longest=REVOKED_PAUSE_S))
            return
        if isinstance(error, PortalError) and error.code == 401 and self._rotation.try_next():
            return
        logger.warning("no word from the portal: %s", error)
        await asyncio.sleep(pause_after(failures))

    async def _rest(self, seconds: float) -> None:
        """For so long, or until this host is known to have left: the portal says so before the helper does."""
        for _ in range(int(seconds / LEFT_EVERY_S)):
            if is_offboarded(self._folders.settings):
                return
            await asyncio.sleep(LEFT_EVERY_S)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="soc-agent", description="The half of the agent that speaks with the portal.")
    parser.add_argument("--folder", type=Path, default=Path("/"), help="the root of the agent's own folders")
    verbs = parser.add_subparsers(dest="word")
    joining = verbs.add_parser("enroll", help="join a portal")
    joining.add_argument("--url", required=True, help="https address of the portal")
    joining.add_argument("--token", required=True, help="from the portal's page; works once")
    verbs.add_parser("run", help="hold the line to the portal")
    arguments = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    folders = Folders(arguments.folder)
    if arguments.word == "enroll":
        _join(arguments.url, arguments.token, folders)
    else:
        _run(folders)


def _join(url: str, token: str, folders: Folders) -> None:
    try:
        answer = enroll(url, read_token(token), folders)
    except EnrolmentFailed as error:
        sys.exit(f"soc-agent: {error}")
    state = answer.get("state")
    print("This host has joined." if state == "approved" else "This host waits until somebody approves it.")
    if folders.root == Path("/") and units.are_here() and (reason := units.start()):
        sys.exit(f"soc-agent: it does not start: {reason}")


def _run(folders: Folders) -> None:
    try:
        portal = portal_of(load_settings(folders.settings), folders)
    except (BadSettings, OSError, ValueError) as error:
        sys.exit(f"soc-agent: {error}")
    asyncio.run(Agent(portal, folders).run())


def portal_of(settings: Settings, folders: Folders) -> Portal:
    """Raises `OSError` or `ValueError` when the key of this device cannot be read."""
    identity = load_identity(folders.identity, settings.device_id)
    return Portal(settings.url, settings.portals, folders.authority, Signer(identity))
