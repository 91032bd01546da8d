"""Indicators and known programs: what the portal blocks is refused to a fresh process on the host, and given back."""

import os
from hashlib import sha256

import pytest

from soc_portal.up.processes import wait_until
from tests.lab.conftest import refuse_or_skip
from tests.lab.estate import Estate, estate
from tests.lab.on_a_host import FREELY, GONE, REFUSED, comes_to, put, tried

pytestmark = pytest.mark.slow
PEER, PEER6 = "192.0.2.13", "2001:db8::13"


def script() -> bytes:
    """A program that nobody has seen before."""
    return f"#!/bin/sh\n# {os.urandom(8).hex()}\nexit 0\n".encode()


def indicator(lab: Estate, kind: str, value: str, action: str) -> str:
    body = {"type": kind, "value": value, "action": action, "title": "Seen in the lab", "comment": "For real"}
    return str(lab.done_by("decider", "/indicators", body, 201)["id"])


def withdraw(lab: Estate, number: str) -> None:
    lab.done_by("decider", f"/indicators/{number}/remove", {"comment": "It was harmless"})


def test_a_hash_is_blocked_on_open_and_start_then_taken_away_and_given_back_when_it_is_withdrawn(
    root_lab: Estate,
) -> None:
    lab, content, place = root_lab, script(), "/home/lab/tool"
    put(lab, "lab-1", place, content)
    assert tried(lab, "lab-1", place) == FREELY
    number = indicator(lab, "fileSha256", sha256(content).hexdigest(), "block")
    comes_to(lambda: tried(lab, "lab-1", place), REFUSED)
    withdraw(lab, number)
    comes_to(lambda: tried(lab, "lab-1", place), FREELY)


def test_a_fresh_copy_is_taken_into_the_store_within_seconds_and_another_file_is_not(root_lab: Estate) -> None:
    lab, content, other = root_lab, script(), script()
    number = indicator(lab, "fileSha256", sha256(content).hexdigest(), "blockAndRemediate")
    comes_to(lambda: lab.read(f"/indicators/{number}")["enforcements"][0]["state"], "in_force")
    put(lab, "lab-2", "/home/lab/other", other)
    place = "/home/lab/fresh"
    put(lab, "lab-2", place, content)
    comes_to(lambda: tried(lab, "lab-2", place), GONE)
    assert tried(lab, "lab-2", "/home/lab/other") == FREELY
    hits = "SELECT count(*) FROM remediation_indicatorhit WHERE indicator_id = %s"
    assert wait_until(lambda: lab.ledger.value(hits, number) >= 1, seconds=60), "the portal is told of it"
    withdraw(lab, number)
    comes_to(lambda: lab.read(f"/indicators/{number}")["enforcements"][0]["state"], "lifted")
    places = iter(range(1_000))

    def a_copy_stays() -> dict[str, str]:
        put(lab, "lab-2", again := f"{place}-{next(places)}", content)
        return tried(lab, "lab-2", again)

    comes_to(a_copy_stays, FREELY)
    what_was_taken_comes_back(lab, place, content)


def what_was_taken_comes_back(lab: Estate, place: str, content: bytes) -> None:
    """The guard took it without an order: the portal lists it and gives it back by one, which is taken back again."""
    digest = sha256(content).hexdigest()

    def listed() -> list[str]:
        rows = lab.read("/quarantine?released=false")["results"]
        return [one["path"] for one in rows if one["sha256"] == digest and one["run_id"] is None]

    assert wait_until(lambda: place in listed(), seconds=120), listed()
    assert tried(lab, "lab-2", place) == GONE
    back = lab.ask_of_file("file.restore", digest)
    lab.done(back, seconds=180)
    assert tried(lab, "lab-2", place) == FREELY
    assert lab.on("lab-2", "sha256sum", place).stdout.split()[0] == digest
    comes_to(lambda: place in listed(), False)
    lab.done(lab.undo(back), seconds=180)
    comes_to(lambda: tried(lab, "lab-2", place), GONE)


def addresses_blocked(lab: Estate) -> None:
    """By a fresh process of the host, both families; other hosts are reached all the while."""
    assert lab.reaches("lab-1", PEER)
    numbers = [indicator(lab, "ipAddress", address, "block") for address in (PEER, PEER6)]
    comes_to(lambda: [lab.reaches("lab-1", one) for one in (PEER, PEER6)], [False, False])
    comes_to(lambda: lab.reaches("lab-3", "192.0.2.11"), False)  # nor the other way round
    assert lab.reaches("lab-1", "192.0.2.12")
    for number in numbers:
        withdraw(lab, number)
    comes_to(lambda: [lab.reaches("lab-1", one) for one in (PEER, PEER6)], [True, True])
    comes_to(lambda: lab.reaches("lab-3", "192.0.2.11"), True)


def test_an_address_is_blocked_and_opened_again(lab: Estate) -> None:
    addresses_blocked(lab)


def test_unknown_programs_are_watched_then_refused_and_known_ones_run_until_it_is_undone(root_lab: Estate) -> None:
    lab, place = root_lab, "/home/lab/unknown"
    lab.python("lab-3", "import shutil, os; shutil.copy('/bin/true', '/home/lab/unknown'); "
               "open('/home/lab/unknown', 'ab').write(os.urandom(8))")  # fmt: skip
    assert tried(lab, "lab-3", place) == FREELY
    watched = lab.ask("device.restrict_execution", "lab-3", mode="audited", days="1")
    lab.done(watched, seconds=180)
    assert tried(lab, "lab-3", place) == FREELY, "it is only counted"
    enforced = lab.ask("device.restrict_execution", "lab-3", mode="restricted", days="1")
    lab.done(enforced, seconds=180)
    assert tried(lab, "lab-3", place) == {"opened": "yes", "started": "PermissionError"}
    assert tried(lab, "lab-3", "/bin/true") == FREELY
    lab.done(lab.undo(enforced), seconds=180)
    comes_to(lambda: tried(lab, "lab-3", place), FREELY)


def test_a_host_without_real_root_blocks_addresses_and_says_what_it_cannot() -> None:
    refuse_or_skip(root=False)
    with estate(3, root=False) as lab:
        addresses_blocked(lab)
        body = {"action": "device.restrict_execution", "target": {"kind": "device", "id": lab.devices["lab-1"]},
                "arguments": {"mode": "restricted", "days": "1"}, "comment": "For real"}  # fmt: skip
        status, told = lab.api.post("/actions", body, token=lab.tokens["asker"])
        assert (status, told["error"]["code"]) == (422, "unsupported")
        assert "real root" in told["error"]["message"]
        content = script()
        put(lab, "lab-1", "/home/lab/tool", content)
        number = indicator(lab, "fileSha256", sha256(content).hexdigest(), "block")
        for one in lab.read("/agents")["results"]:
            assert "real root" in one["cannot"]["indicators.file"], one
            assert not one["cannot"].get("indicators.address"), one
        assert tried(lab, "lab-1", "/home/lab/tool") == FREELY
        withdraw(lab, number)
