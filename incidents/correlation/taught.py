"""What people taught: things and pairs of detections that prove no relation, whatever the rules find.

It is asked of a single pair, after a rule has found that the pair belongs together, so it depends neither on the order
of arrival nor on what was joined before. It holds for what is put together from then on.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from incidents.enums import TaughtKind
from incidents.models import CorrelationChange

EVERY_RULE = ""
EVERYTHING = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """`thing` as the rules compare it, with its exercise, or empty for any; `kinds` are two kinds of alerts, or none
    for any; `rule` is a rule's key, or empty for all."""

    rule: str = EVERY_RULE
    exercise: str = ""
    thing: str = EVERYTHING
    kinds: frozenset[str] = frozenset()


@dataclass(slots=True)
class Taught:
    """`forbids` answers for a pair; `with_also` and `without` make another one to try."""

    exclusions: frozenset[Exclusion] = frozenset()
    _by_place: dict[tuple[str, str], list[frozenset[str]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for one in self.exclusions:
            thing = f"{one.exercise}|{one.thing}" if one.thing else f"{one.exercise}|*"
            self._by_place[one.rule, thing].append(one.kinds)

    def forbids(self, rule: str, thing: tuple[str, str], kind: str, other: str) -> bool:
        """Whether this rule may not join two alerts of these kinds through this thing. What is forbidden to the rule
        of a device or account is forbidden as well to the rule of stages, which goes by the same device or account."""
        if not self.exclusions:
            return False
        anything = f"{thing[1].partition('|')[0]}|*"
        pair = frozenset((kind, other))
        return any(
            not kinds or kinds == pair
            for by in {rule, thing[0], EVERY_RULE}
            for what in (thing[1], anything)
            for kinds in self._by_place.get((by, what), ())
        )

    def with_also(self, *further: Exclusion) -> "Taught":
        return Taught(self.exclusions | set(further))

    def without(self, *gone: Exclusion) -> "Taught":
        return Taught(self.exclusions - set(gone))


def exclusion_of(change: CorrelationChange) -> Exclusion:
    return Exclusion(change.rule, change.exercise, change.thing, frozenset(change.detectors))


def taught_in_force() -> Taught:
    """Everything that is in force at this moment, with one statement."""
    rows: Iterable[CorrelationChange] = (
        CorrelationChange.objects.in_force().exclude(kind=TaughtKind.OPTION)
        .only("rule", "exercise", "thing", "detectors")
    )  # fmt: skip
    return Taught(frozenset(exclusion_of(row) for row in rows))
