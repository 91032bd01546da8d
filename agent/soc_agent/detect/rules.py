"""Rules in the manner of Sigma, as JSON: selections of fields, a condition over them, and how often in what time.

A rule: `id`, `title`, `severity`, `category`, `attack` (technique ids), `kind` (of event), `detection` (named
selections and a `condition` of `and`, `or`, `not` and parentheses), and optionally `timeframe` (seconds), `count`, `by`
(fields that must be the same) and `distinct` (a field whose different values are counted). A field may carry
modifiers after `|`: `contains`, `startswith`, `endswith`, `re`, `gte`, `lte`, and `all` when every value must match
instead of any.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Event = Mapping[str, Any]
Test = Callable[[Event], bool]
SEVERITIES = ("informational", "low", "medium", "high")
KINDS = ("process", "file", "connection", "persistence")
MAX_TEXT, MAX_GROUPS, MAX_COUNTED = 4096, 500, 1000
_TOKEN = re.compile(r"\s*(\(|\)|[A-Za-z_][A-Za-z0-9_]*)")


class BadRule(Exception):
    """The rule cannot be used; the message says where."""


def value_of(event: Event, name: str) -> Any:
    """`process.parent.path` in nested objects; None when it is not there."""
    found: Any = event
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


@dataclass(slots=True)
class Rule:
    id: str
    title: str
    severity: str
    category: str
    attack: tuple[str, ...]
    kind: str
    matches: Test
    description: str = ""
    timeframe: float = 0.0
    count: int = 1
    by: tuple[str, ...] = ()
    distinct: str = ""
    _seen: dict[tuple[str, ...], deque[tuple[float, str]]] = field(default_factory=dict)

    def fires(self, event: Event, now: float) -> bool:
        """Whether this event completes what the rule describes."""
        if event.get("kind") != self.kind or not self.matches(event):
            return False
        if self.count <= 1:
            return True
        key = tuple(str(value_of(event, name)) for name in self.by)
        if key not in self._seen and len(self._seen) >= MAX_GROUPS:
            self._forget(now)
        counted = self._seen.setdefault(key, deque(maxlen=MAX_COUNTED))
        counted.append((now, str(value_of(event, self.distinct)) if self.distinct else str(len(counted))))
        while counted and now - counted[0][0] > self.timeframe:
            counted.popleft()
        reached = len({value for _, value in counted} if self.distinct else counted) >= self.count
        if reached:
            del self._seen[key]
        return reached

    def _forget(self, now: float) -> None:
        old = [key for key, counted in self._seen.items() if not counted or now - counted[-1][0] > self.timeframe]
        for key in old or [next(iter(self._seen))]:
            del self._seen[key]


def read_rule(value: object) -> Rule:
    """Raises `BadRule`."""
    if not isinstance(value, dict):
        raise BadRule("A rule is a JSON object.")
    detection = value.get("detection")
    if not isinstance(detection, dict) or not isinstance(detection.get("condition"), str):
        raise BadRule("A rule has a detection with a condition.")
    words = {name: value.get(name) for name in ("id", "title", "severity", "category", "kind")}
    if not all(isinstance(word, str) and word for word in words.values()):
        raise BadRule("A rule has an id, a title, a severity, a category and a kind.")
    if words["severity"] not in SEVERITIES or words["kind"] not in KINDS:
        raise BadRule(f"{words['id']}: a severity is one of {', '.join(SEVERITIES)}, a kind of {', '.join(KINDS)}.")
    selections = {name: _selection(one) for name, one in detection.items() if name != "condition"}
    timeframe, count = value.get("timeframe", 0), value.get("count", 1)
    if not isinstance(timeframe, int | float) or not isinstance(count, int) or not 1 <= count <= MAX_COUNTED:
        raise BadRule(f"{words['id']}: what is counted has a timeframe in seconds and a count to {MAX_COUNTED}.")
    return Rule(
        str(words["id"]), str(words["title"]), str(words["severity"]), str(words["category"]),
        tuple(map(str, value.get("attack", []))), str(words["kind"]), _condition(detection["condition"], selections),
        str(value.get("description", "")), float(timeframe), count, tuple(map(str, value.get("by", []))),
        str(value.get("distinct", "")),
    )  # fmt: skip


def _selection(value: object) -> Test:
    """A map of fields that must all match, or a list of maps of which one must."""
    if isinstance(value, list):
        tests = [_selection(one) for one in value]
        return lambda event: any(test(event) for test in tests)
    if not isinstance(value, dict) or not value:
        raise BadRule("A selection is an object of fields, or a list of such.")
    tests = [_field(str(name), wanted) for name, wanted in value.items()]
    return lambda event: all(test(event) for test in tests)


def _field(name: str, wanted: object) -> Test:
    path, *modifiers = name.split("|")
    listed = wanted if isinstance(wanted, list) else [wanted]
    compare = _comparison([one for one in modifiers if one != "all"])
    tests = [compare(one) for one in listed]
    together = all if "all" in modifiers else any
    return lambda event: together(test(value_of(event, path)) for test in tests)


def _comparison(modifiers: list[str]) -> Callable[[Any], Callable[[Any], bool]]:
    if not modifiers:
        return lambda wanted: lambda value: value == wanted
    if len(modifiers) != 1 or modifiers[0] not in _COMPARISONS:
        raise BadRule(f"There is no modifier {'|'.join(modifiers)}.")
    return _COMPARISONS[modifiers[0]]


def _text(value: Any) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def _pattern(wanted: Any) -> Callable[[Any], bool]:
    try:
        pattern = re.compile(str(wanted))
    except re.error as error:
        raise BadRule(f"{wanted!r} is no expression: {error}") from None
    return lambda value: bool(pattern.search(_text(value)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_COMPARISONS: dict[str, Callable[[Any], Callable[[Any], bool]]] = {
    "contains": lambda wanted: lambda value: str(wanted) in (value if isinstance(value, list) else _text(value)),
    "startswith": lambda wanted: lambda value: _text(value).startswith(str(wanted)),
    "endswith": lambda wanted: lambda value: _text(value).endswith(str(wanted)),
    "re": _pattern,
    "gte": lambda wanted: lambda value: _is_number(value) and value >= wanted,
    "lte": lambda wanted: lambda value: _is_number(value) and value <= wanted,
}


def _condition(text: str, selections: Mapping[str, Test]) -> Test:
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s+", "", text):
        raise BadRule(f"The condition {text!r} is not understood.")
    test = _any_of(tokens, selections)
    if tokens:
        raise BadRule(f"The condition {text!r} has more than it needs.")
    return test


def _any_of(tokens: list[str], selections: Mapping[str, Test]) -> Test:
    tests = [_all_of(tokens, selections)]
    while tokens and tokens[0] == "or":
        tokens.pop(0)
        tests.append(_all_of(tokens, selections))
    return tests[0] if len(tests) == 1 else lambda event: any(test(event) for test in tests)


def _all_of(tokens: list[str], selections: Mapping[str, Test]) -> Test:
    tests = [_one(tokens, selections)]
    while tokens and tokens[0] == "and":
        tokens.pop(0)
        tests.append(_one(tokens, selections))
    return tests[0] if len(tests) == 1 else lambda event: all(test(event) for test in tests)


def _one(tokens: list[str], selections: Mapping[str, Test]) -> Test:
    word = tokens.pop(0) if tokens else ""
    if word == "not":
        inner = _one(tokens, selections)
        return lambda event: not inner(event)
    if word == "(":
        test = _any_of(tokens, selections)
        if not tokens or tokens.pop(0) != ")":
            raise BadRule("A parenthesis is not closed.")
        return test
    if word not in selections:
        raise BadRule(f"The condition names {word!r}, which is no selection.")
    return selections[word]


def load_rules(folders: Iterable[Path]) -> tuple[list[Rule], list[str]]:
    """All rules of the folders, and what is wrong with those that cannot be used. A later one replaces an earlier one
    of the same id."""
    found: dict[str, Rule] = {}
    wrong = []
    for file in (file for folder in folders for file in sorted(folder.glob("*.json"))):
        try:
            listed = json.loads(file.read_text())
            for value in listed if isinstance(listed, list) else [listed]:
                rule = read_rule(value)
                found[rule.id] = rule
        except (OSError, ValueError, BadRule) as error:
            wrong.append(f"{file.name}: {error}"[:300])
    return list(found.values()), wrong
