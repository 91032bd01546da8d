"""Trouble on hosts: a clock that is wrong, no room, and two people who want the opposite at the same moment."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import pytest

from soc_portal.lab.plan import ROOT
from tests.lab.estate import Estate
from tests.lab.on_a_host import comes_to, look_for, put

pytestmark = pytest.mark.slow
# The kernel keeps one clock for all hosts. This file, which lies on one host alone, has every Python there read it so.
SHIFTED = "import time\n_now = time.time\ntime.time = lambda: _now() + {seconds}\n"
HALVES = "soc_agent[.](helper|network)"


@contextmanager
def clock_off_by(lab: Estate, host: str, seconds: int) -> Iterator[None]:
    """The agent there starts anew, with all that it keeps, under a clock that is so far off."""
    place = f"{ROOT}/agent/sitecustomize.py"
    try:
        put(lab, host, place, SHIFTED.format(seconds=seconds).encode())
        lab.on(host, "pkill", "-9", "-f", HALVES)
        comes_to(lambda: abs(clock_of(lab, host) - seconds) < 60, True, seconds=150)
        yield
    finally:
        lab.on(host, "rm", "-f", place)
        lab.on(host, "pkill", "-9", "-f", HALVES)
        comes_to(lambda: abs(clock_of(lab, host)) < 60, True, seconds=150)


def clock_of(lab: Estate, host: str) -> float:
    """Seconds that the device is ahead of the portal, as it tells; far off while it tells nothing."""
    query = "SELECT status->'health'->'clock' FROM connectors_agent WHERE name = %s AND state = 'approved'"
    told = lab.ledger.value(query, host)
    return 1e9 if told is None else float(told)


@pytest.mark.parametrize(("seconds", "said"), [(-3_600, "is slow"), (7 * 86_400, "time of the order is over")])
def test_under_a_wrong_clock_commands_are_refused_and_say_so_and_what_should_hold_still_counts(
    root_lab: Estate, seconds: int, said: str
) -> None:
    """A week ahead is what an order meets whose device was away for a week."""
    lab = root_lab
    with clock_off_by(lab, "lab-2", seconds):
        run = lab.ask("device.collect_package", "lab-2")
        assert lab.ended(run, seconds=150) in {"failed", "expired"}
        told = lab.ledger.value("SELECT status_detail FROM remediation_actionrun WHERE id = %s", run)
        assert said in told, told
        lab.done(lab.ask("device.isolate", "lab-2", isolation_type="full"), seconds=150)
        assert not lab.reaches("lab-1", "192.0.2.12")
    assert not lab.reaches("lab-1", "192.0.2.12"), "a clock that is set right changes nothing of it"
    lab.done(lab.ask("device.release", "lab-2"), seconds=150)
    assert lab.reaches("lab-1", "192.0.2.12")
    again = lab.ask("device.collect_package", "lab-2")
    assert lab.ended(again, seconds=180) in {"succeeded", "partially_succeeded"}


@contextmanager
def no_room(lab: Estate, host: str, *folders: str) -> Iterator[None]:
    try:
        for one in folders:
            lab.on(host, "mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", one)
        yield
    finally:
        for one in folders:
            lab.on(host, "umount", one)


def test_without_room_nothing_is_taken_nothing_is_half_and_it_is_said(lab: Estate) -> None:
    content, place = os.urandom(600_000), "/home/lab/large one"
    digest = sha256(content).hexdigest()
    put(lab, "lab-3", place, content)
    before = look_for(lab, "lab-3", place)
    lab.alert(f"room-{digest[:8]}", "lab-3", place, digest)
    store, spool = "/var/lib/soc-agent/helper/vault", "/var/lib/soc-agent/spool"
    with no_room(lab, "lab-3", store, spool):
        for action in ("file.quarantine", "file.collect"):
            run = lab.ask_of_file(action, digest)
            assert lab.ended(run, seconds=150) == "failed"
            told = str(lab.ledger.rows("SELECT status_detail FROM remediation_actionrun WHERE parent_id = %s", run))
            assert "room" in told or "space" in told, told
            assert look_for(lab, "lab-3", place) == before
            left = lab.on("lab-3", "find", store, spool, "-type", "f", "-size", "+0", "!", "-name", "key").stdout
            assert left == "", left
    taken = lab.ask_of_file("file.quarantine", digest)
    lab.done(taken, seconds=150)
    assert look_for(lab, "lab-3", place) == {}
    lab.done(lab.undo(taken), seconds=150)
    assert look_for(lab, "lab-3", place) == before


def test_of_two_contrary_wishes_at_the_same_moment_one_holds_and_the_other_is_told(lab: Estate) -> None:
    for _ in range(3):
        with ThreadPoolExecutor(2) as both:
            answers = list(both.map(lambda action: asked(lab, action), ("device.isolate", "device.release")))
        taken = sorted(int(told["id"]) for status, told in answers if status == 201)
        assert taken
        for status, told in answers:
            assert status == 201 or told["error"]["link"], "the other one is told which is under way"
        # The release takes back an isolation that nobody has decided on yet.
        taken = [pk for pk in taken if lab.read(f"/actions/{pk}")["decision"] == "pending"]
        assert taken
        with ThreadPoolExecutor(2) as both:
            list(both.map(lambda pk: lab.done_by("decider", f"/actions/{pk}/approve", {}), taken))
        for pk in taken:
            lab.done(str(pk))
        newest = lab.ledger.value("SELECT action FROM remediation_actionrun WHERE id = %s", taken[-1])
        comes_to(lambda: lab.reaches("lab-2", "192.0.2.11"), newest == "device.release")
    lab.done(lab.ask("device.release", "lab-1"), seconds=150)
    assert lab.reaches("lab-2", "192.0.2.11")


def asked(lab: Estate, action: str) -> tuple[int, Any]:
    body = {"action": action, "target": {"kind": "device", "id": lab.devices["lab-1"]}, "comment": "At once"}
    return lab.api.post("/actions", body, token=lab.tokens["asker"])
