"""Whether two alerts that name the same thing are near enough to each other for the thing to prove a relation."""

from datetime import timedelta
from typing import Protocol

from incidents.correlation.rules import ACCOUNT, DEVICE, SEQUENCE, WEAK_BELOW, Limits, Rule

# A later stage after an earlier one is less likely by chance than any two alerts are.
STAGES_REACH_FURTHER = 3


class Weighed(Protocol):
    """What of an alert decides how near another must be."""

    @property
    def rank(self) -> int: ...
    @property
    def stage(self) -> int: ...
    @property
    def reaches(self) -> tuple[timedelta, timedelta]: ...


def rule_that_ties(rule: Rule, gap: timedelta, limits: Limits, earlier: Weighed, later: Weighed) -> Rule | None:
    """The rule itself, the one of stages instead, or None when the two are too far apart."""
    window = limits.window(rule, earlier.rank, later.rank)
    if not window:
        return None
    if not rule.asset:
        return rule if gap <= window else None
    place = 0 if rule is DEVICE else 1
    reach = min(earlier.reaches[place], later.reaches[place])
    if gap <= min(window, reach):
        return rule
    return SEQUENCE if _goes_on(gap, reach, limits, earlier, later) else None


def _goes_on(gap: timedelta, reach: timedelta, limits: Limits, earlier: Weighed, later: Weighed) -> bool:
    grave = min(earlier.rank, later.rank) >= WEAK_BELOW
    forward = 0 < earlier.stage < later.stage
    return grave and forward and gap <= min(limits.windows[SEQUENCE.key], reach * STAGES_REACH_FURTHER)


ASSET_RULES = (DEVICE, ACCOUNT)
