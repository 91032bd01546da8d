"""The cases of the past as one list of moments, in the order of time, so that the past is played as it happened."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from random import Random

from exercises.history.cases import CASES, Case, plan_cases


class Verb(IntEnum):
    """What happens at a moment; at the same time the smaller number comes first."""

    ALERTS = 1
    TAKE = 2
    COMMENT = 3
    ACT = 4
    UNDO = 5
    RESOLVE = 6
    REVIEW = 7
    SIGN = 8


@dataclass(frozen=True)
class Moment:
    """One thing at one time. `index` numbers comments and steps of the case."""

    at: datetime
    verb: Verb
    case: Case
    index: int = 0


def write_script(seed: int, anchor: datetime, *, cases: int = CASES) -> list[Moment]:
    """Everything of the past quarter up to the anchor; the same list for the same seed and anchor."""
    moments = [moment for case in plan_cases(seed, anchor, cases) for moment in _moments(case, seed)]
    past = [moment for moment in moments if moment.at < anchor]
    return sorted(past, key=lambda one: (one.at, one.case.number, one.verb, one.index))


def _moments(case: Case, seed: int) -> list[Moment]:
    rng = Random(f"{seed}:moments-{case.number}")  # noqa: S311 - a play, not a secret
    story = case.story
    seen = max(one.at + one.span for one in story.sightings)
    arrived = min(seen, case.acknowledged) + timedelta(seconds=25)
    taken = max(case.acknowledged, arrived + timedelta(minutes=2))
    acted = max(case.acted, taken + timedelta(minutes=2))
    found = [Moment(arrived, Verb.ALERTS, case), Moment(taken, Verb.TAKE, case)]
    found += [
        Moment(taken + timedelta(minutes=3 + 5 * index), Verb.COMMENT, case, index)
        for index in range(len(story.comments))
    ]
    undone = case.resolved - timedelta(minutes=rng.uniform(8, 25))
    for index, step in enumerate(story.steps):
        at = acted + timedelta(minutes=4 * index)
        found.append(Moment(at, Verb.ACT, case, index))
        if step.undo:
            found.append(Moment(max(undone, at + timedelta(minutes=20)), Verb.UNDO, case, index))
    last = max(one.at for one in found)
    resolved = max(case.resolved, last + timedelta(minutes=15))
    found.append(Moment(resolved, Verb.RESOLVE, case))
    reviewed = case.reviewed
    if reviewed is not None:
        at = max(reviewed, resolved + timedelta(hours=4))
        found.append(Moment(at, Verb.REVIEW, case))
        if rng.random() < 0.85:
            found.append(Moment(at + timedelta(hours=rng.uniform(5, 40)), Verb.SIGN, case))
    return found
