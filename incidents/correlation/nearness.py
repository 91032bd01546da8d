"""Whether two alerts that name the same thing are near enough to each other for the thing to prove a relation."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from incidents.correlation.rules import DEVICE, PATH, REPEATED, SEQUENCE, WEAK_BELOW, Limits, Rule

# A later stage after an earlier one is less likely by chance than any two alerts are, and so is a way that leads there.
STAGES_REACH_FURTHER = 2
# Two that name different people or different things must be so much nearer to each other.
DIFFERENCE_SHARE = 4


@dataclass(frozen=True, slots=True)
class Contents:
    """What tells two deeds apart: whom an alert names, which things that are not the house's own, and which runs of
    programs on which devices."""

    people: frozenset[str]
    things: frozenset[str]
    runs: frozenset[str]
    run_on: frozenset[str]


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
    @property
    def moves(self) -> bool: ...


def differ(one: Contents, other: Contents) -> bool:
    """Both name people, or things, or runs on the same device, and none in common: they may be two deeds."""
    if not one.run_on.isdisjoint(other.run_on) and one.runs.isdisjoint(other.runs):
        return True
    pairs = ((one.people, other.people), (one.things, other.things))
    return any(mine and its and mine.isdisjoint(its) for mine, its in pairs)


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
    if rule is DEVICE and (earlier.moves or later.moves):
        further = reach if differing else reach * STAGES_REACH_FURTHER
        if gap <= min(limits.window(PATH, earlier.rank, later.rank), further):
            return PATH
    if gap <= min(window, reach):
        return rule
    return SEQUENCE if _goes_on(gap, reach, limits, earlier, later) else None


def _goes_on(gap: timedelta, reach: timedelta, limits: Limits, earlier: Weighed, later: Weighed) -> bool:
    grave = min(earlier.rank, later.rank) >= WEAK_BELOW
    forward = 0 < earlier.stage < later.stage
    return grave and forward and gap <= min(limits.windows[SEQUENCE.key], reach * STAGES_REACH_FURTHER)
