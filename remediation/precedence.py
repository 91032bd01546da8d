"""Which of several indicators wins, written down in one place.

Of indicators on the very same value, one for the device's group beats one for all devices. Then:

* Files and certificates: stopping (block, warn) beats allowing, allowing beats watching. Between two of one kind the
  stronger hash wins (SHA-256, SHA-1, MD5, certificate), whatever their groups; then the stricter action.
* Network: the longest match wins (a path beats its host, a subdomain its domain). On equal matches the order is the
  reverse of that of files: allow beats warn, warn beats block, block beats watching.

What the device itself decides stands around a file's indicator in this order: its own application control denies; its
antivirus exclusions allow; indicators that stop; the reputation service blocks; indicators that allow; antivirus
blocks. An indicator that blocks therefore beats an allowing application control: saying no is never overruled by a
list that only says what may start.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from remediation.enums import IndicatorAction, IndicatorType
from remediation.indicator_values import NETWORK_TYPES, STOPPING

_STRENGTH = {
    IndicatorType.SHA256: 0,
    IndicatorType.SHA1: 1,
    IndicatorType.MD5: 2,
    IndicatorType.CERTIFICATE: 3,
}
_STRICTEST = (
    IndicatorAction.BLOCK_AND_REMEDIATE,
    IndicatorAction.BLOCK,
    IndicatorAction.WARN,
    IndicatorAction.ALLOWED,
    IndicatorAction.AUDIT,
)
_MILDEST = (IndicatorAction.ALLOWED, IndicatorAction.WARN, IndicatorAction.BLOCK, IndicatorAction.AUDIT)


@dataclass(frozen=True, slots=True)
class Rule:
    """An indicator as far as it matters here; `groups` empty means all devices."""

    type: str
    value: str
    action: str
    groups: frozenset[int] = frozenset()
    id: int = 0


class DeviceSays(StrEnum):
    """What the device decides on a file by itself."""

    CONTROL_DENIES = "control_denies"
    EXCLUDED = "excluded"
    REPUTATION_BLOCKS = "reputation_blocks"
    ANTIVIRUS_BLOCKS = "antivirus_blocks"


def winner(rules: Iterable[Rule], *, group: int | None = None) -> Rule | None:
    """The rule that holds on a device of this group (None: of no group that a rule names), of rules that all match one
    file or one connection."""
    found = [rule for rule in rules if not rule.groups or group in rule.groups]
    scoped = {(rule.type, rule.value) for rule in found if rule.groups}
    left = [rule for rule in found if rule.groups or (rule.type, rule.value) not in scoped]
    return min(left, key=_rank) if left else None


def _rank(rule: Rule) -> tuple[int, ...]:
    """The smallest wins; the id only makes the answer the same each time."""
    if rule.type in NETWORK_TYPES:
        return (-_length(rule), _MILDEST.index(IndicatorAction(rule.action)), rule.id)
    tier = 0 if rule.action in STOPPING else 1 if rule.action == IndicatorAction.ALLOWED else 2
    action = _STRICTEST.index(IndicatorAction(rule.action))
    return (tier, _STRENGTH[IndicatorType(rule.type)], action, rule.id)


def _length(rule: Rule) -> int:
    """How much of an address the rule names: an address is more than any domain, a path more than its host."""
    if rule.type == IndicatorType.IP:
        return 1_000
    if rule.type == IndicatorType.DOMAIN:
        return len(rule.value)
    parts = urlsplit(rule.value)
    return 2_000 + len(parts.netloc) + len(parts.path.rstrip("/")) + len(parts.query)


def verdict_on_file(rules: Sequence[Rule], says: Collection[DeviceSays] = (), *, group: int | None = None) -> str:
    """What becomes of a file: an indicator action, or `block` or `allowed` where the device decides."""
    best = winner(rules, group=group)
    stops = best is not None and best.action in STOPPING
    steps: list[tuple[bool, str]] = [
        (DeviceSays.CONTROL_DENIES in says, IndicatorAction.BLOCK),
        (DeviceSays.EXCLUDED in says, IndicatorAction.ALLOWED),
        (stops, best.action if best else ""),
        (DeviceSays.REPUTATION_BLOCKS in says, IndicatorAction.BLOCK),
        (best is not None and best.action == IndicatorAction.ALLOWED, IndicatorAction.ALLOWED),
        (DeviceSays.ANTIVIRUS_BLOCKS in says, IndicatorAction.BLOCK),
    ]
    return next((str(word) for holds, word in steps if holds), str(IndicatorAction.ALLOWED))


def names_for(kind: str, value: str) -> list[tuple[str, str]]:
    """Every (type, value) whose indicator would match this one thing: of a URL also its shorter paths, its host and the
    domains above it."""
    if kind == IndicatorType.DOMAIN:
        return [(IndicatorType.DOMAIN, name) for name in _upwards(value)]
    if kind != IndicatorType.URL:
        return [(kind, value)]
    parts = urlsplit(value)
    host = parts.hostname or ""
    bases = [f"{scheme}://{parts.netloc}" for scheme in ("http", "https")]
    paths = [f"{parts.path}?{parts.query}", *_prefixes(parts.path)] if parts.query else _prefixes(parts.path)
    urls = [(IndicatorType.URL.value, f"{base}{path}") for base in bases for path in paths]
    by_host = [(IndicatorType.IP.value, host)] if ":" in host or host.replace(".", "").isdigit() else [
        (IndicatorType.DOMAIN.value, name) for name in _upwards(host)
    ]  # fmt: skip
    return [*urls, *by_host]


def _prefixes(path: str) -> list[str]:
    """`/a/b` -> `/a/b`, `/a/`, `/a`, `/`; at most 40 levels."""
    levels = [part for part in path.split("/") if part][:40]
    found = [path or "/"]
    for depth in range(len(levels), -1, -1):
        plain = "/" + "/".join(levels[:depth])
        found += [plain.rstrip("/") + "/", plain]
    return list(dict.fromkeys(found))


def _upwards(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[place:]) for place in range(max(1, len(labels) - 1))]
