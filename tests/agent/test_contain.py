"""A device that nobody manages is cut off from this host, and nothing that the host needs is."""

import time
from ipaddress import ip_address

import pytest

from soc_agent.contain import read_entry
from soc_agent.isolation import IsolationFailed
from soc_agent.spared import Spared
from tests.agent.needs import in_namespaces, need_program

SETUP = """
import time
from tests.agent.two_hosts import *
from soc_agent import nft
from soc_agent.contain import ContainKeeper, TABLE
peer = wire()
keeper = ContainKeeper([("203.0.113.5", 443)])
def entry(until=60, **more):
    return {"entries": [{"id": "d1", "until": time.time() + until, **more}]}
"""


def run(body: str) -> None:
    need_program("nft", "nftables")
    need_program("ip", "iproute2")
    in_namespaces(SETUP + body)


def test_a_device_is_cut_by_both_families_and_freed_again() -> None:
    run("""
assert answers(PEER) and answers(PEER6)
seen = keeper.reach(entry(addresses=[PEER, PEER6], macs=[]))
assert (seen.value, seen.reached) == ("containing", True), seen
assert seen.evidence["entries"][0]["enforced"] == [PEER, PEER6]
assert not answers(PEER) and not answers(PEER6) and not reached_by(peer)
seen = keeper.reach({})
assert (seen.value, seen.reached) == ("none", True), seen
assert nft.read_sets(TABLE) is None and answers(PEER) and answers(PEER6)
""")


def test_a_device_that_takes_another_address_stays_cut() -> None:
    run("""
keeper.reach(entry(addresses=[], macs=[PEER_MAC.upper().replace(":", "-")]))
run("/usr/bin/nsenter", "-t", str(peer.pid), "-n", "ip", "addr", "add", "10.77.0.77/24", "dev", "p0")
assert not answers("10.77.0.77") and not answers(PEER6) and not reached_by(peer)
""")


def test_what_the_host_needs_is_refused_with_the_reason_and_the_rest_is_done() -> None:
    run("""
never = [GATEWAY, HERE, "203.0.113.5", "127.0.0.1", "no"]
seen = keeper.reach(entry(addresses=[*never, PEER], macs=["ff:ff:ff:ff:ff:ff"]))
(told,) = seen.evidence["entries"]
assert told["enforced"] == [PEER] and not seen.reached and seen.detail == "6 refused"
reasons = {one["value"]: one["reason"] for one in told["refused"]}
assert "gateway" in reasons[GATEWAY] and "this host" in reasons[HERE] and "portal" in reasons["203.0.113.5"]
assert not answers(PEER)
""")


def test_the_kernel_ends_it_by_itself_and_asking_again_changes_nothing() -> None:
    run("""
wanted = entry(2, addresses=[PEER])
keeper.reach(wanted)
first = nft.read_sets(TABLE)["dev4"][0]
assert not answers(PEER)
keeper.reach(wanted)
assert nft.read_sets(TABLE)["dev4"][0].packets >= first.packets and first.left_s <= 2
until = time.monotonic() + 10
while not answers(PEER):
    assert time.monotonic() < until
assert keeper.reach(wanted).value == "none"
""")


@pytest.mark.parametrize("value", [None, {}, {"id": "x", "until": 1, "addresses": "10.0.0.1"},
                                   {"id": "x", "until": 1, "macs": ["x"] * 100}])  # fmt: skip
def test_what_is_no_entry_is_refused(value: object) -> None:
    with pytest.raises(IsolationFailed):
        read_entry(value, Spared())


def test_an_entry_is_read_without_its_duplicates_of_form() -> None:
    entry = read_entry({"id": "x", "until": time.time(), "addresses": ["fd00:0::1"], "macs": ["02-AA-00-00-00-01"]},
                       Spared())  # fmt: skip
    assert (str(entry.addresses[0]), entry.macs) == ("fd00::1", ["02:aa:00:00:00:01"])


def test_the_portal_is_told_what_is_never_cut() -> None:
    spared = Spared(
        {ip_address("192.0.2.1"): "This is the portal.", ip_address("127.0.0.1"): "x"}, {"02:00:00:00:00:01": "y"}
    )
    assert spared.told() == [
        {"value": "192.0.2.1", "reason": "This is the portal."}, {"value": "02:00:00:00:00:01", "reason": "y"},
    ]  # fmt: skip
    assert len(Spared({ip_address(number): "x" for number in range(3_000)}, {}).told()) == 100
