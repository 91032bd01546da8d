"""Whether two alerts that name the same thing are near enough to each other for the thing to prove a relation."""

from datetime import timedelta
from typing import Protocol

from incidents.correlation.rules import DEVICE, REPEATED, SEQUENCE, WEAK_BELOW, Limits, Rule

# A later stage after an earlier one is less likely by chance than any two alerts are.
STAGES_REACH_FURTHER = 2
# Two that name different people or different things must be so much nearer to each other.
DIFFERENCE_SHARE = 4
Contents = tuple[frozenset[str], frozenset[str]]


class Weighed(Protocol):
    """What of an alert decides how near another must be."""

    @property
    def rank(self) -> int: ...
    @property
    def stage(self) -> int: ...
    @property
    def reaches(self) -> tuple[timedelta, timedelta]: ...
    @property
    def ordinary(self) -> bool: ...


def differ(one: Contents, other: Contents) -> bool:
    """Both name people or both name things, and none in common: they may be two deeds."""
    return any(mine and its and mine.isdisjoint(its) for mine, its in zip(one, other, strict=True))


def rule_that_ties(
    rule: Rule, gap: timedelta, limits: Limits, earlier: Weighed, later: Weighed, *, differing: bool = False
) -> Rule | None:
    """The rule itself, the one of stages instead, or None when the two are too far apart. `differing` is whether
    they name different people or things: then they must be nearer, and of the same detection, unless it is ordinary and
    tells only of a habit, each must lie within the reach of the other."""
    window = limits.window(rule, earlier.rank, later.rank)
    if differing:
        window /= DIFFERENCE_SHARE
    if not window:
        return None
    if rule is REPEATED and differing and not (earlier.ordinary or later.ordinary):
        window = min(window, earlier.reaches[0], later.reaches[0])
    if not rule.asset:
        return rule if gap <= window else None
    if earlier.ordinary or later.ordinary:
        return None
    place = 0 if rule is DEVICE else 1
    reach = min(earlier.reaches[place], later.reaches[place]) / (DIFFERENCE_SHARE if differing else 1)
    if gap <= min(window, reach):
        return rule
    return SEQUENCE if _goes_on(gap, reach, limits, earlier, later) else None


def _goes_on(gap: timedelta, reach: timedelta, limits: Limits, earlier: Weighed, later: Weighed) -> bool:
    grave = min(earlier.rank, later.rank) >= WEAK_BELOW
    forward = 0 < earlier.stage < later.stage
    return grave and forward and gap <= min(limits.windows[SEQUENCE.key], reach * STAGES_REACH_FURTHER)
