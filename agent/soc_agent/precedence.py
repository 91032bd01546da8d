"""Which of several indicators holds: the same answer as the portal's own, computed on the host.

On one value, an indicator for a group of this device beats one for all. Of files, stopping beats allowing beats
watching, then the stronger hash, then the stricter action. Of addresses, the milder word wins.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FILES = {"file_sha256": 0, "file_sha1": 1, "file_md5": 2}
_STRICTEST = ("block_and_remediate", "block", "warn", "allow", "audit")
_MILDEST = ("allow", "warn", "block", "audit")
_STOPPING = frozenset({"block_and_remediate", "block", "warn"})
ACTIONS = frozenset(_STRICTEST)


@dataclass(frozen=True, slots=True)
class Rule:
    """An indicator of the portal's list, as far as this host needs it. `until` is None when it has no end."""

    key: str
    type: str
    value: str
    action: str
    groups: frozenset[int]
    until: float | None
    title: str = ""


def read_rule(value: Mapping[str, Any]) -> Rule:
    """Raises `ValueError` naming what is wrong."""
    action, until, groups = value.get("action"), value.get("expires"), value.get("groups", [])
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is no action of an indicator")
    if until is not None and (isinstance(until, bool) or not isinstance(until, int | float)):
        raise ValueError("its end is no time")
    if not isinstance(groups, list) or not all(isinstance(one, int) for one in groups):
        raise ValueError("its groups are no list of numbers")
    key, kind, what, title = (str(value.get(name, "")) for name in ("key", "type", "value", "title"))
    return Rule(key[:120], kind, what.lower(), action, frozenset(groups), until, title[:200])


def holding(rules: Iterable[Rule], groups: Collection[int]) -> list[Rule]:
    """One for each value that is named for this device: the one that wins among those on the same value."""
    mine = [rule for rule in rules if not rule.groups or rule.groups & set(groups)]
    scoped = {(rule.type, rule.value) for rule in mine if rule.groups}
    best: dict[tuple[str, str], Rule] = {}
    for rule in mine:
        name = (rule.type, rule.value)
        if not rule.groups and name in scoped:
            continue
        if name not in best or rank(rule) < rank(best[name]):
            best[name] = rule
    return list(best.values())


def rank(rule: Rule) -> tuple[int, int, int, str]:
    """The smallest wins; the key only makes the answer the same each time."""
    if rule.type not in FILES:
        return (0, 0, _MILDEST.index(rule.action), rule.key)
    tier = 0 if rule.action in _STOPPING else 1 if rule.action == "allow" else 2
    return (tier, FILES[rule.type], _STRICTEST.index(rule.action), rule.key)
