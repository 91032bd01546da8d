"""A host that leaves is free of what the agent held, keeps its store, and starts no half again."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from soc_agent import offboard
from soc_agent.enroll import enroll, read_token
from soc_agent.folders import Folders
from soc_agent.journal import State
from soc_agent.orders import Command, Effect
from soc_agent.settings import BadSettings, load_settings
from tests.agent.hosts import a_host
from tests.agent.small_portal import SmallPortal
from tests.agent.test_both_halves import a_program, start

LEAVE = Command("o1", "d", "device.offboard", {}, Effect.ONCE, 0, 0, 60)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[SmallPortal]:
    found = SmallPortal(tmp_path)
    yield found
    found.stop()


def test_it_answers_then_both_halves_stop_and_stay_stopped(portal: SmallPortal, tmp_path: Path) -> None:
    root = tmp_path / "host"
    enroll(portal.url, read_token(portal.token), Folders(root))
    halves = [start("helper", root), start("network", root, "run")]
    try:
        path, digest = a_program(tmp_path)
        portal.order("q1", "file.quarantine", {"sha256": digest, "paths": [str(path)]})
        portal.result("q1")
        portal.order("o1", "device.offboard", {})
        answer = portal.result("o1")
        assert answer["state"] == "succeeded", answer
        assert answer["result"]["vault_items"] == 1
        for half in halves:
            assert half.wait(90) == 0
    finally:
        for half in halves:
            half.kill()
    with pytest.raises(BadSettings, match="left"):
        load_settings(Folders(root).settings)
    assert not Folders(root).identity.exists(), "whoever joins again is another device"
    assert start("helper", root).wait(60) == 1
    assert len(list((root / "var/lib/soc-agent/helper/vault").glob("*.sealed"))) == 1


def test_who_has_begun_to_leave_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise nothing would be wanted of a host whose agent goes on to run."""
    host = a_host(tmp_path / "host")
    begun, go_on, done = threading.Event(), threading.Event(), (State.SUCCEEDED, {"detail": "left"})

    def leave(*_: object) -> tuple[State, dict[str, str]]:
        begun.set()
        go_on.wait(60)
        return done

    monkeypatch.setattr(offboard, "leave", leave)
    monkeypatch.setattr(offboard, "stop_when_heard", AsyncMock())

    async def cancelled_twice() -> tuple[State, dict[str, Any]]:
        leaving = asyncio.ensure_future(offboard.works(host)["device.offboard"](LEAVE))
        await asyncio.to_thread(begun.wait, 60)
        for _ in range(2):
            leaving.cancel()
            await asyncio.sleep(0)
        go_on.set()
        return await leaving

    assert asyncio.run(cancelled_twice()) == done
    offboard.stop_when_heard.assert_called_once_with(host, "o1")  # type: ignore[attr-defined]
    host.journal.close()


def test_whoever_joins_again_has_not_left(tmp_path: Path) -> None:
    host = a_host(tmp_path / "host")
    host.folders.settings.parent.mkdir(parents=True)
    host.folders.settings.write_text(json.dumps({"url": "https://portal"}))
    host.journal.note(offboard.NOTE, {"at": time.time() + 5})
    offboard.settle(host)
    assert json.loads(host.folders.settings.read_text())["offboarded"]
    host.journal.want(7, "what the portal wanted before")
    host.journal.note(offboard.NOTE, {"at": time.time() - 5})
    host.folders.settings.write_text("{}")
    offboard.settle(host)
    assert not offboard.is_leaving(host)
    assert host.journal.wanted() == (0, ""), "its new key begins anew"
    assert json.loads(host.folders.settings.read_text()) == {}
    host.journal.close()
