"""The line to the portal: at once and not a minute later, with what helper and portal need of each other."""

import asyncio
import hashlib
import os
import time
from pathlib import Path

import pytest

from soc_agent import helper_line
from soc_agent.folders import Folders
from soc_agent.helper_line import HelperGone, HelperLine
from soc_agent.identity import load_identity, make_identity
from soc_agent.portal import Portal, Signer, pause_after
from soc_agent.wire import receive, send
from tests.agent.halves import JoinedHost
from tests.agent.small_portal import SmallPortal


def test_an_answer_is_told_at_once_while_a_poll_is_held(host: JoinedHost) -> None:
    host.portal.hold_s = 60.0
    host.portal.status_where(lambda one: one["observed"])
    host.portal.order("warm", "file.restore", {"items": ["x"]})
    host.portal.result("warm")
    took = []
    for number in range(5):
        host.portal.order(f"c{number}", "file.restore", {"items": ["x"]})
        ended = host.portal.result(f"c{number}")["ended"]
        took.append(time.time() - ended)
    assert sorted(took)[2] < host.portal.hold_s / 4, took


def test_what_became_of_a_file_is_told_at_once_while_a_poll_is_held(host: JoinedHost, tmp_path: Path) -> None:
    path = tmp_path / "thing"
    path.write_bytes(content := os.urandom(1000))
    digest = hashlib.sha256(content).hexdigest()
    host.portal.hold_s = 300.0
    host.portal.order("q1", "file.quarantine", {"sha256": digest, "paths": [str(path)]})
    host.sees_file(digest, "quarantined")
    path.write_bytes(content)  # somebody put it back
    host.sees_file(digest, "present")


def test_that_a_command_has_begun_is_told_before_it_is_over(host: JoinedHost) -> None:
    host.portal.order("c1", "file.collect", {"path": "/etc/hostname"}, effect="collect")
    host.portal.result("c1")
    assert [one["id"] for one in host.portal.said][:1] == ["c1"]
    assert [one["seq"] for one in host.portal.said] == sorted({one["seq"] for one in host.portal.said})


def test_a_poll_carries_what_the_portal_is_to_know(host: JoinedHost) -> None:
    first = host.portal.status_where(lambda one: one["observed"])
    later = host.portal.status_where(
        lambda one: one["sequence"] > first["sequence"] and one["health"]["clock"] is not None
    )
    assert later["boot"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    health = later["health"]
    assert health["helper"] == ""
    assert abs(health["clock"]) < 5
    assert health["free_bytes"] > 0
    assert {"program", "settings"} <= set(health["digests"])
    assert {name: later["observed"][name]["value"] for name in ("scan", "package")} == dict.fromkeys(
        ("scan", "package"), "never"
    )
    numbers = [one["sequence"] for one in host.portal.statuses]
    assert len(numbers) == len(set(numbers))


def test_the_number_of_polls_goes_on_after_a_start(host: JoinedHost) -> None:
    before = host.portal.status_where(lambda one: one["sequence"] > 1)["sequence"]
    host.kill("network")
    host.portal.statuses.clear()
    host.start("network", "run")
    assert host.portal.status_where(lambda one: True)["sequence"] > before


def test_what_an_answer_carried_that_was_lost_is_asked_for_with_the_next_poll(host: JoinedHost, tmp_path: Path) -> None:
    """The portal hands it over again to whoever says that this very answer never came, and to nobody else."""
    (path := tmp_path / "thing").write_bytes(b"content")
    host.portal.answers_to_lose = 2
    host.portal.order("c1", "file.collect", {"path": str(path)}, effect="collect")
    assert host.portal.result("c1", within=120)["state"] == "succeeded"
    assert host.portal.answers_to_lose == 0
    assert {one["order"] for one in host.portal.announced} == {"c1"}
    host.portal.status_where(lambda one: not one["lost"])


def test_files_that_orders_named_are_looked_at_anew_after_a_start(host: JoinedHost, tmp_path: Path) -> None:
    path = tmp_path / "thing"
    path.write_bytes(os.urandom(100))
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    host.portal.order("q1", "file.quarantine", {"sha256": digest, "paths": [str(path)]})
    assert host.portal.result("q1")["state"] == "succeeded"
    host.sees_file(digest, "quarantined")
    host.kill("helper")
    host.start("helper")
    path.write_bytes(content)
    host.sees_file(digest, "present")
    path.unlink()
    host.sees_file(digest, "quarantined")


def test_a_key_is_exchanged_and_the_device_keeps_its_id(host: JoinedHost) -> None:
    folders = Folders(host.root)
    before = load_identity(folders.identity)
    host.portal.rotate = True
    host.portal.status_where(lambda one: not host.portal.rotate)
    after = load_identity(folders.identity, before.device_id)
    assert after.public != before.public
    assert host.portal.device == after.device_id
    host.kill("network")
    host.start("network", "run")
    number = len(host.portal.statuses)
    host.portal.status_where(lambda one: len(host.portal.statuses) > number + 2)


def test_a_key_that_the_portal_took_before_a_crash_is_found(host: JoinedHost) -> None:
    folders = Folders(host.root)
    before = load_identity(folders.identity)
    host.kill("network")
    crash = "import soc_agent.rotation as m, os; m.Rotation._take_over = lambda *a: os._exit(9)"
    host.portal.rotate = True
    host.start("network", "run", before=crash)
    assert host.ended("network") == 9
    number = len(host.portal.statuses)
    host.start("network", "run")
    host.portal.status_where(lambda one: len(host.portal.statuses) > number + 2)
    assert load_identity(folders.identity).public != before.public
    assert not folders.next_identity.exists()


def test_a_revoked_device_asks_seldom_and_keeps_what_it_has(host: JoinedHost) -> None:
    host.portal.status_where(lambda one: one["observed"])
    host.portal.revoked = True
    host.until(lambda: len(host.portal.refused) >= 1)
    seen = len(host.portal.refused)
    host.kill("helper")
    host.start("helper")
    host.until((host.root / "run/soc-agent/helper.sock").exists)
    assert len(host.portal.refused) - seen <= 3
    assert Folders(host.root).identity.exists()
    assert pause_after(12, longest=3600) >= 1800


def test_a_clock_that_is_off_by_an_hour_costs_the_commands_and_not_the_line(host: JoinedHost) -> None:
    host.portal.clock_off = 3600.0
    host.portal.status_where(lambda one: (one["health"]["clock"] or 0) < -3500)
    host.portal.order("late", "file.restore", {"items": ["x"]}, at=time.time() + 3600)
    answer = host.portal.result("late")
    assert (answer["state"], answer["result"]["code"]) == ("refused", "too_early")
    host.portal.want(2, {})
    host.portal.status_where(lambda one: one["generation"] == 2)


@pytest.mark.parametrize("half", ["helper", "network"])
def test_a_half_that_is_killed_costs_a_delay(host: JoinedHost, half: str) -> None:
    host.kill(half)
    host.portal.order("c1", "file.restore", {"items": ["x"]})
    host.start(half, *(["run"] if half == "network" else []))
    assert host.portal.result("c1")["result"]["refused"][0]["item"] == "x"


def test_a_connection_that_the_portal_closed_meanwhile_is_opened_anew(portal: SmallPortal, tmp_path: Path) -> None:
    portal.patience_s = 0.2
    address = portal.url.removeprefix("https://").split(":")
    line = Portal(
        portal.url, ((address[0], int(address[1])),), portal.authority, Signer(make_identity(tmp_path / "id"))
    )
    line.download("/agent/v1/authority", tmp_path / "authority", 10_000)
    JoinedHost.until(lambda: portal.left == 1)
    line.download("/agent/v1/authority", tmp_path / "authority", 10_000)
    assert (tmp_path / "authority").read_bytes() == portal.authority.read_bytes()
    line.close()


def test_a_file_of_the_library_is_fetched_and_believed_by_its_digest_alone(host: JoinedHost) -> None:
    good, lied = os.urandom(300_000), os.urandom(10)
    digest, other = (hashlib.sha256(one).hexdigest() for one in (good, lied))
    host.portal.library = {digest: good, other: b"something else"}
    host.portal.status_where(lambda one: one["observed"])
    host.portal.order("p1", "live.putfile", {"session": "LR-1", "name": "tool", "library": digest})
    assert host.portal.result("p1")["state"] == "succeeded", host.portal.results
    kept = Folders(host.root).state / "library" / digest
    assert kept.read_bytes() == good
    host.portal.order(
        "p2",
        "live.putfile",
        {"session": "LR-1", "name": "tool", "library": other, "overwrite": True},
    )
    assert (host.portal.result("p2")["result"]["code"], kept.with_name(other).exists()) == ("other_content", False)
    host.portal.order("p3", "live.putfile", {"session": "LR-1", "name": "tool", "library": "0" * 64})
    assert host.portal.result("p3")["result"]["code"] == "no_library_file"
    assert list(Folders(host.root).spool.iterdir()) == []


async def answering(path: Path) -> asyncio.Server:
    """A helper that answers whatever it is asked."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await receive(reader) is not None:
            await send(writer, {})
        writer.close()

    return await asyncio.start_unix_server(answer, path)


async def nobody(line: HelperLine, times: int = 3) -> None:
    for _ in range(times):
        with pytest.raises(HelperGone):
            await line.ask("status")


def test_that_the_helper_is_gone_is_said_when_it_was_there_and_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk() -> None:
        line = HelperLine(tmp_path / "helper")
        await nobody(line)  # it has not begun yet
        for _ in range(2):
            server = await answering(tmp_path / "helper")
            await line.ask("status")
            server.close()
            line.close()
            await server.wait_closed()
            (tmp_path / "helper").unlink(missing_ok=True)
            await nobody(line)

    asyncio.run(talk())
    said = [one.getMessage().partition(":")[0] for one in caplog.records]
    assert said == ["the helper is gone", "the helper is back", "the helper is gone"]


def test_a_helper_that_never_comes_is_told_of_after_a_while(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = HelperLine(tmp_path / "helper")
    asyncio.run(nobody(line))
    assert not caplog.records
    monkeypatch.setattr(helper_line, "MOST_AWAY_S", -1.0)
    asyncio.run(nobody(line))
    assert [one.getMessage().partition(":")[0] for one in caplog.records] == ["the helper is not there"]
