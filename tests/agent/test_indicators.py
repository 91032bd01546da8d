"""The portal's list on this host: what wins, what is enforced, what is not and why, and what it met."""

import time
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from soc_agent.hits import HitBook
from soc_agent.indicators import plan_of
from soc_agent.precedence import Rule, holding, rank
from soc_agent.spared import Spared
from tests.agent.needs import in_namespaces, need_program

SHA, SHA1, MD5 = "a" * 64, "b" * 40, "c" * 32


def entry(kind: str, value: str, action: str = "block", **more: Any) -> dict[str, Any]:
    return {"key": f"{kind}-{value[:4]}-{action}", "type": kind, "value": value, "action": action, "groups": [],
            "expires": None, "title": "t", **more}  # fmt: skip


def rule(kind: str, action: str, value: str = "x", groups: tuple[int, ...] = ()) -> Rule:
    return Rule(f"{kind}{action}{groups}", kind, value, action, frozenset(groups), None)


@pytest.mark.parametrize(
    ("rules", "wins"),
    [
        ([rule("file_sha256", "allow"), rule("file_md5", "block")], "block"),
        ([rule("file_sha256", "warn"), rule("file_sha1", "block_and_remediate")], "warn"),
        ([rule("file_sha1", "block"), rule("file_sha1", "block_and_remediate")], "block_and_remediate"),
        ([rule("file_sha256", "audit"), rule("file_md5", "allow")], "allow"),
        ([rule("file_md5", "block", groups=(7,)), rule("file_md5", "block_and_remediate")], "block"),
        ([rule("file_md5", "audit", groups=(7,)), rule("file_md5", "block")], "audit"),
        ([rule("ip", "allow"), rule("ip", "block"), rule("ip", "warn")], "allow"),
        ([rule("ip", "warn"), rule("ip", "block")], "warn"),
        ([rule("ip", "block"), rule("ip", "audit")], "block"),
        ([rule("ip", "block", groups=(7,)), rule("ip", "allow")], "block"),
        ([rule("ip", "block", groups=(8,)), rule("ip", "audit")], "audit"),
    ],
)
def test_the_same_wins_in_every_order(rules: list[Rule], wins: str) -> None:
    for order in permutations(rules):
        assert min(holding(order, [7]), key=rank).action == wins


def test_what_cannot_be_enforced_says_why_and_the_rest_is() -> None:
    spared = Spared({}, {})
    entries = [
        entry("file_sha256", SHA), entry("file_sha1", SHA1, "audit"), entry("file_md5", "zz"), entry("ip", "no"),
        entry("ip", "198.51.100.7"), entry("ip", "127.0.0.1"), entry("domain", "bad.example"), entry("url", "http://b/x"),
        entry("certificate", "ab"), entry("ip", "198.51.100.8", "block_and_remediate"), entry("file_md5", MD5),
        entry("file_sha256", "d" * 64, expires=time.time() - 1), "no entry", entry("ip", "198.51.100.9", "whatever"),
    ]  # fmt: skip
    plan = plan_of(entries, [], spared, {MD5: "the shell of root"})
    assert (list(plan.files["file_sha256"]), list(plan.addresses), plan.expired) == ([SHA], ["198.51.100.7"], 1)
    reasons = {one["key"]: one["reason"] for one in plan.unsupported}
    assert len(plan.unsupported) == 10
    assert "names" in reasons["domain-bad.-block"]
    assert "shell of root" in reasons["file_md5-cccc-block"]
    assert "remove" in reasons["ip-198.-block_and_remediate"]


SETUP = """
import base64, hashlib, json, sys, time
from pathlib import Path
from tests.agent.two_hosts import *
from tests.agent.hosts import a_host
from soc_agent import nft
from soc_agent.indicators import INDICATORS, TABLE
from soc_agent.keep_guard import indicators
peer = wire()
host = a_host(Path(sys.argv[1]) / "host")
keeper = indicators(host)
def entry(value, action, **more):
    return {"key": value, "type": "ip", "value": value, "action": action, "groups": [], "expires": None, "title": "",
            **more}
def reach(*entries, groups=()):
    payload = json.dumps({"version": 3, "entries": list(entries)}).encode()
    digest = hashlib.sha256(payload).hexdigest()
    envelope = {"payloadType": INDICATORS, "payload": base64.b64encode(payload).decode(), "signatures": []}
    (host.folders.state / f"indicators-{digest}.json").write_text(json.dumps(envelope))
    wanted = {"digest": digest, "groups": list(groups)}
    return keeper.reach(wanted), wanted
"""


@pytest.fixture
def run(tmp_path: Path) -> Any:
    need_program("nft", "nftables")
    need_program("ip", "iproute2")
    return lambda body: in_namespaces(SETUP + body, str(tmp_path))


def test_a_blocked_address_is_cut_both_ways_and_the_hit_is_told(run: Any) -> None:
    run("""
seen, wanted = reach(entry(PEER, "block"), entry(PEER6, "audit"), entry(GATEWAY, "block"))
assert seen.reached and seen.evidence["applied"] == {"file": 0, "ip": 2}, seen
assert [one["key"] for one in seen.evidence["unsupported"]] == [GATEWAY]
assert not answers(PEER) and not reached_by(peer) and answers(PEER6)
hits = {one["indicator"]: one for one in keeper.look(wanted).evidence["hits"]}
assert (hits[PEER]["did"], hits[PEER6]["did"]) == ("blocked", "audited"), hits
assert hits[PEER]["address"] == PEER and hits[PEER]["at"]
seen, _ = reach()
assert answers(PEER) and nft.read_sets(TABLE) is None
""")


def test_groups_and_ends_count(run: Any) -> None:
    run("""
ends = entry(PEER, "block", expires=time.time() + 2)
reach(ends, entry(PEER6, "block", groups=[4]), entry(PEER6, "allow", key="all"), groups=[4])
assert not answers(PEER) and not answers(PEER6)
until = time.monotonic() + 10
while not answers(PEER):
    assert time.monotonic() < until
reach(entry(PEER6, "block", groups=[4]), groups=[5])
assert answers(PEER6)
""")


def test_a_list_that_is_not_here_leaves_the_one_before_in_force(run: Any) -> None:
    run("""
reach(entry(PEER, "block"))
seen = keeper.reach({"digest": "0" * 64, "groups": []})
assert not seen.reached and "not here yet" in seen.detail
assert not answers(PEER)
""")


@pytest.fixture
def book(tmp_path: Path) -> Iterator[HitBook]:
    found = HitBook(tmp_path / "hits")
    yield found
    found.close()


def test_hits_are_told_until_the_portal_surely_has_them(book: HitBook) -> None:
    book.add("k1", "blocked", path="/a", at=1000.0)
    book.add("k1", "blocked", path="/a", at=1001.0)
    book.add("k2", "audited", address="198.51.100.1", at=1002.0)
    assert [(one["id"], one["times"]) for one in book.untold()] == [("000000000001", 2), ("000000000002", 1)]
    book.heard()
    assert len(book.untold()) == 2
    book.heard()
    assert book.untold() == []
    book.add("k1", "blocked", path="/a", at=2000.0)
    assert [one["id"] for one in book.untold()] == ["000000000003"]
