"""What people taught: things and pairs of detections that prove no relation, whatever the rules find.

What was taught for some device groups holds for two alerts that both name devices, and devices of these groups alone.
It is asked of a single pair, after a rule has found that the pair belongs together, so it depends neither on the order
of arrival nor on what was joined before. It holds for what is put together from then on.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from incidents.enums import TaughtKind
from incidents.models import CorrelationChange

EVERY_RULE = ""
EVERYTHING = ""


class Party(Protocol):
    """One alert of a pair: which detection it is, and the device groups of the devices that it names."""

    @property
    def kind(self) -> str: ...
    @property
    def groups(self) -> frozenset[int]: ...


@dataclass(frozen=True, slots=True)
class Exclusion:
    """`thing` as the rules compare it, with its exercise, or empty for any; `kinds` are two kinds of alerts, or none
    for any; `rule` is a rule's key, or empty for all; `groups` are device groups, or none for everything."""

    rule: str = EVERY_RULE
    exercise: str = ""
    thing: str = EVERYTHING
    kinds: frozenset[str] = frozenset()
    groups: frozenset[int] = frozenset()

    def holds_for(self, one: Party, other: Party) -> bool:
        """Whether the pair is one of those that it is about, as far as detections and device groups say."""
        kinds = not self.kinds or self.kinds == {one.kind, other.kind}
        within = not self.groups or all(side.groups and side.groups <= self.groups for side in (one, other))
        return kinds and within


@dataclass(slots=True)
class Taught:
    """`forbids` answers for a pair; `with_also` and `without` make another one to try."""

    exclusions: frozenset[Exclusion] = frozenset()
    _by_place: dict[tuple[str, str], list[Exclusion]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for one in self.exclusions:
            thing = f"{one.exercise}|{one.thing}" if one.thing else f"{one.exercise}|*"
            self._by_place[one.rule, thing].append(one)

    def forbids(self, rule: str, thing: tuple[str, str], one: Party, other: Party) -> bool:
        """Whether this rule may not join these two alerts through this thing. What is forbidden to the rule
        of a device or account is forbidden as well to the rule of stages, which goes by the same device or account."""
        if not self.exclusions:
            return False
        anything = f"{thing[1].partition('|')[0]}|*"
        return any(
            exclusion.holds_for(one, other)
            for by in {rule, thing[0], EVERY_RULE}
            for what in (thing[1], anything)
            for exclusion in self._by_place.get((by, what), ())
        )

    def with_also(self, *further: Exclusion) -> "Taught":
        return Taught(self.exclusions | set(further))

    def without(self, *gone: Exclusion) -> "Taught":
        return Taught(self.exclusions - set(gone))


def exclusion_of(change: CorrelationChange) -> Exclusion:
    return Exclusion(
        change.rule, change.exercise, change.thing, frozenset(change.detectors), frozenset(change.device_group_ids)
    )  # fmt: skip


def taught_in_force() -> Taught:
    """Everything that is in force at this moment, with one statement."""
    rows: Iterable[CorrelationChange] = (
        CorrelationChange.objects.in_force().exclude(kind=TaughtKind.OPTION)
        .only("rule", "exercise", "thing", "detectors", "device_group_ids")
    )  # fmt: skip
    return Taught(frozenset(exclusion_of(row) for row in rows))
