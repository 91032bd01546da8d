"""The detector beside the helper: one thread watches, one hands what was found to the network half."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from soc_agent.detect.detector import Detector, settings_of
from soc_agent.detect.places import Places
from soc_agent.detect.waiting import Waiting
from soc_agent.host import Host, NotAnswered

logger = logging.getLogger(__name__)
PATH = "/agent/v1/alerts"
AT_ONCE, AGAIN_S, LONGEST_S = 50, 2.0, 60.0
_running: dict[Path, Detector] = {}


def health(host: Host) -> str:
    """As part of the helper's: empty when it watches everything."""
    detector = _running.get(host.folders.state)
    return detector.health() if detector is not None else "not running"


def tell(host: Host, alert: dict[str, Any]) -> None:
    """An alert of another part of the helper; without a detector nobody is told."""
    detector = _running.get(host.folders.state)
    if detector is not None:
        detector.also(alert)


async def run(host: Host) -> None:
    """For as long as the helper lives. A detector that fails is told in the health; the helper goes on without."""
    stored = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stored.set)

    try:
        detector = await asyncio.to_thread(_made, host, tell)
    except (OSError, sqlite3.Error) as error:
        logger.error("the detector does not start: %s", error)
        await asyncio.Event().wait()
        return
    _running[host.folders.state] = detector
    thread = threading.Thread(target=detector.run, name="detector", daemon=True)
    thread.start()
    try:
        while True:
            try:
                await _hand_over(host, detector.waiting, stored)
            except sqlite3.Error as error:
                logger.error("alerts cannot be kept: %s", error)
                await asyncio.sleep(LONGEST_S)
    finally:
        detector.stop()
        thread.join(3)
        del _running[host.folders.state]
        detector.waiting.close()


def _made(host: Host, told: Callable[[], None]) -> Detector:
    folders = host.folders
    own = folders.settings.parent
    places = Places(folders.root, settings_of(own / "detector.json"))
    return Detector(Waiting(folders.state / "journal.sqlite"), places, (own / "rules",), told)


async def _hand_over(host: Host, waiting: Waiting, stored: asyncio.Event) -> None:
    """What waits, the oldest first, until the portal says that it took it."""
    pause = AGAIN_S
    while True:
        stored.clear()
        alerts = await asyncio.to_thread(waiting.first, AT_ONCE)
        if not alerts:
            await stored.wait()
            continue
        try:
            answer = (await host.news.wish("post", path=PATH, value={"alerts": alerts})).get("answer") or {}
            taken = [str(one) for one in answer.get("taken") or []]
        except NotAnswered as error:
            logger.warning("alerts wait for the portal: %s", error)
            taken = []
        if taken:
            await asyncio.to_thread(waiting.taken, taken)
            pause = AGAIN_S
        else:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_S)
