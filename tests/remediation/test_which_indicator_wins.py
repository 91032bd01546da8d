"""The order of precedence, over every pair of indicators that can meet."""

from itertools import product

import pytest

from remediation.enums import IndicatorAction, IndicatorType
from remediation.indicator_values import ACTIONS, STOPPING
from remediation.precedence import DeviceSays, Rule, names_for, verdict_on_file, winner

GROUP = 7
FILE_TYPES = (IndicatorType.SHA256, IndicatorType.SHA1, IndicatorType.MD5, IndicatorType.CERTIFICATE)
VALUES = {kind: f"value of {kind}" for kind in FILE_TYPES}
SCOPES = (frozenset[int](), frozenset({GROUP}))
HOST = "evil.example"
NETWORK = (
    Rule("url", f"https://{HOST}/a/b", "block"),
    Rule("url", f"https://{HOST}/a", "block"),
    Rule("domainName", f"cdn.{HOST}", "block"),
    Rule("domainName", HOST, "block"),
)


def rules_on_files() -> list[Rule]:
    return [
        Rule(kind, VALUES[kind], action, scope, number)
        for number, (kind, scope, action) in enumerate(
            (kind, scope, action) for kind in FILE_TYPES for scope in SCOPES for action in ACTIONS[kind]
        )
    ]


def tier(rule: Rule) -> int:
    if rule.action in STOPPING:
        return 0
    return 1 if rule.action == IndicatorAction.ALLOWED else 2


def same_value(one: Rule, other: Rule) -> bool:
    return (one.type, one.value) == (other.type, other.value)


def expected_of_files(one: Rule, other: Rule) -> set[Rule]:
    """The order in other words than the code's: what is left after each question."""
    left = {one, other}
    if same_value(one, other) and bool(one.groups) != bool(other.groups):
        return {rule for rule in left if rule.groups}
    for question in (tier, lambda rule: FILE_TYPES.index(rule.type)):
        best = min(question(rule) for rule in left)
        left = {rule for rule in left if question(rule) == best}
    strict = ("blockAndRemediate", "block", "warn", "allowed", "audit")
    best = min(strict.index(rule.action) for rule in left)
    return {rule for rule in left if strict.index(rule.action) == best}


def test_every_pair_on_one_file_has_the_declared_winner() -> None:
    rules = rules_on_files()
    wrong = [
        (one, other)
        for one, other in product(rules, rules)
        if winner([one, other], group=GROUP) not in expected_of_files(one, other)
    ]
    assert wrong == []
    assert len(rules) ** 2 > 1_000


def test_the_order_in_which_they_are_named_does_not_matter() -> None:
    rules = rules_on_files()
    assert [
        (one, other) for one, other in product(rules, rules)
        if winner([one, other], group=GROUP) != winner([other, one], group=GROUP)
    ] == []  # fmt: skip


@pytest.mark.parametrize(("one", "other"), list(product(ACTIONS[IndicatorType.IP], repeat=2)))
def test_on_one_network_value_the_milder_wins(one: str, other: str) -> None:
    order = ("allowed", "warn", "block", "audit")
    found = winner([Rule("ipAddress", "203.0.113.9", one, id=1), Rule("ipAddress", "203.0.113.9", other, id=2)])
    assert found is not None
    assert found.action == min((one, other), key=order.index)


@pytest.mark.parametrize(
    ("longer", "shorter"), [(a, b) for place, a in enumerate(NETWORK) for b in NETWORK[place + 1 :]]
)
@pytest.mark.parametrize("mild", ["allowed", "warn", "audit"])
def test_the_longer_match_wins_whatever_the_actions(longer: Rule, shorter: Rule, mild: str) -> None:
    assert winner([longer, Rule(shorter.type, shorter.value, mild)]) == longer
    assert winner([Rule(shorter.type, shorter.value, mild), longer]) == longer


def test_a_group_s_indicator_beats_the_one_for_everybody_on_that_group_only() -> None:
    everybody = Rule("fileSha256", "aa", "block", id=1)
    for_group = Rule("fileSha256", "aa", "allowed", frozenset({GROUP}), id=2)
    assert winner([everybody, for_group], group=GROUP) == for_group
    assert winner([everybody, for_group], group=8) == everybody
    assert winner([for_group], group=8) is None


def test_a_stronger_hash_wins_whatever_the_groups() -> None:
    strong = Rule("fileSha256", "aa", "block", id=1)
    weak = Rule("fileSha1", "bb", "blockAndRemediate", frozenset({GROUP}), id=2)
    assert winner([weak, strong], group=GROUP) == strong


@pytest.mark.parametrize(
    ("action", "says", "verdict"),
    [
        ("block", {DeviceSays.EXCLUDED}, "allowed"),
        ("block", set(), "block"),
        ("warn", {DeviceSays.REPUTATION_BLOCKS}, "warn"),
        ("allowed", {DeviceSays.CONTROL_DENIES}, "block"),
        ("allowed", {DeviceSays.REPUTATION_BLOCKS}, "block"),
        ("allowed", {DeviceSays.ANTIVIRUS_BLOCKS}, "allowed"),
        ("audit", {DeviceSays.ANTIVIRUS_BLOCKS}, "block"),
        ("audit", set(), "allowed"),
        ("", {DeviceSays.EXCLUDED, DeviceSays.CONTROL_DENIES}, "block"),
    ],
)
def test_an_indicator_stands_between_what_the_device_decides_itself(
    action: str, says: set[DeviceSays], verdict: str
) -> None:
    rules = [Rule("fileSha256", "aa", action)] if action else []
    assert verdict_on_file(rules, says) == verdict


def test_a_url_is_matched_by_its_shorter_paths_its_host_and_the_domains_above() -> None:
    names = names_for("url", "https://cdn.evil.example/a/b?c=1")
    assert ("url", "https://cdn.evil.example/a/b") in names
    assert ("url", "https://cdn.evil.example/") in names
    assert ("domainName", "evil.example") in names
    assert ("domainName", "example") not in names
    assert ("url", "https://cdn.evil.example/a/b/c") not in names


def test_a_domain_is_not_matched_by_one_that_merely_ends_alike() -> None:
    assert ("domainName", "vil.example") not in names_for("domainName", "evil.example")
