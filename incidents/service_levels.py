"""Service levels: how soon an incident is to be acknowledged, contained and resolved, and how its clocks stand.

The rules, all of them in `settle`, which knows no database, so that the audit log can be played through it again:

* The clocks start when the portal opened the incident: nobody can act on what has not arrived. (The measured times of
  a review start with the attack itself.) Of incidents that were merged, the earliest start counts.
* A running clock follows the severity and the targets that hold now, from the same start. A clock that has ended keeps
  what it was judged by, unless a merge moves its start or end.
* While the incident is paused no clock runs, but what was breached before stays breached.
* A close ends the clocks that still run. Reopening lets those go on that had ended with it.
* What turned out to be no attack needs no containment: that clock is then left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError

from core import options
from core.options import Option, declare
from incidents.business_time import ALWAYS, AroundTheClock, Calendar
from incidents.enums import Classification, ServiceClock, ServiceState, Severity

PREFIX = "incidents.sla_"
NO_ATTACK = frozenset({Classification.FALSE_POSITIVE.value, Classification.INFORMATIONAL.value})
RUNNING = frozenset(
    {ServiceState.ACTIVE.value, ServiceState.AT_RISK.value, ServiceState.BREACHED.value, ServiceState.PAUSED.value}
)
# Of several clocks the gravest state speaks for the incident; ended ones count only when none runs.
GRAVEST = (ServiceState.BREACHED, ServiceState.AT_RISK, ServiceState.PAUSED, ServiceState.ACTIVE,
           ServiceState.COMPLETED_BREACHED, ServiceState.COMPLETED_MET)  # fmt: skip
# Minutes for acknowledge and contain, hours for resolve.
_TARGETS: Mapping[Severity, tuple[int, int, int]] = {
    Severity.HIGH: (30, 60, 72),
    Severity.MEDIUM: (60, 120, 144),
    Severity.LOW: (120, 240, 288),
    Severity.INFORMATIONAL: (0, 0, 0),
}
_UNITS = {ServiceClock.ACKNOWLEDGE: ("min", 60), ServiceClock.CONTAIN: ("min", 60), ServiceClock.RESOLVE: ("h", 3600)}


def _zone(value: Any) -> None:
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError("A time zone such as Europe/Berlin is needed.") from None


def _severities(value: Any) -> None:
    known = [severity.value for severity in _TARGETS]
    if wrong := [word for word in value if word not in known]:
        raise ValidationError(f"{str(wrong[0])[:40]!r} is not one of {', '.join(known)}.")


def key_of(clock: str, severity: str) -> str:
    return f"{PREFIX}{severity}_{clock}_{_UNITS[ServiceClock(clock)][0]}"


def _declare_targets() -> None:
    for severity, targets in _TARGETS.items():
        for kind, target in zip(ServiceClock, targets, strict=True):
            unit = "hours" if _UNITS[kind][0] == "h" else "minutes"
            declare(
                Option(
                    key_of(kind, severity), target, f"Service level: {severity.label}, {kind.label.lower()} ({unit})",
                    "From the opening of the incident; 0 promises nothing. Running clocks follow at once, ended ones "
                    "keep what they were judged by.",
                    minimum=0, maximum=100_000,
                )
            )  # fmt: skip


_declare_targets()
declare(Option(f"{PREFIX}at_risk_percent", 75, "Service level: at risk after (% of the target)",
               "From then on the clock is shown as at risk and told of.", minimum=1, maximum=99))  # fmt: skip
declare(Option(f"{PREFIX}business_severities", [], "Service level: severities that count working hours only",
               "One a line: high, medium, low, informational. The others run around the clock.", kind="list",
               check=_severities))  # fmt: skip
declare(Option(f"{PREFIX}day_begins_h", 8, "Service level: working day begins (hour)", minimum=0, maximum=23))
declare(Option(f"{PREFIX}day_ends_h", 18, "Service level: working day ends (hour)",
               "Not later than it begins: the day has no working hours, and every second counts.",
               minimum=1, maximum=24))  # fmt: skip
declare(Option(f"{PREFIX}weekend", False, "Service level: weekends are working days", kind="bool"))
declare(Option(f"{PREFIX}time_zone", "UTC", "Service level: time zone of the working hours",
               "Such as Europe/Berlin. Also tells which work was done after hours.", kind="str",
               check=_zone))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Policy:
    """The options of service levels as they held at one time; what is missing has its default."""

    values: Mapping[str, Any]

    def target(self, clock: str, severity: str) -> timedelta | None:
        """None promises nothing. An unknown severity is measured as a low one."""
        known = severity if severity in _TARGETS else Severity.LOW.value
        amount = int(self.values[key_of(clock, known)])
        return timedelta(seconds=amount * _UNITS[ServiceClock(clock)][1]) if amount else None

    def calendar(self, severity: str) -> Calendar | AroundTheClock:
        hours = self.hours
        slow = severity in self.values[f"{PREFIX}business_severities"]
        return hours if slow and hours.begins < hours.ends else ALWAYS

    @property
    def hours(self) -> Calendar:
        value = self.values
        return Calendar(ZoneInfo(value[f"{PREFIX}time_zone"]), value[f"{PREFIX}day_begins_h"],
                        value[f"{PREFIX}day_ends_h"], value[f"{PREFIX}weekend"])  # fmt: skip

    @property
    def at_risk(self) -> float:
        return int(self.values[f"{PREFIX}at_risk_percent"]) / 100


def defaults() -> dict[str, Any]:
    return {one.key: one.default for one in options.declared() if one.key.startswith(PREFIX)}


def policy() -> Policy:
    """What is promised now. One query."""
    return Policy(options.get_many(PREFIX))


@dataclass(frozen=True, slots=True)
class Facts:
    """What the clocks depend on. `pauses` are `(since, until)`, `until` None while it lasts, the earliest first."""

    severity: str
    classification: str
    started: datetime
    acknowledged: datetime | None = None
    contained: datetime | None = None
    resolved: datetime | None = None
    closed: bool = False
    gone: bool = False
    pauses: Sequence[tuple[datetime, datetime | None]] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How all clocks stand. `clocks` is `{"resolve": {"state", "target_s", "began", "due", "ended", "by_close"}}` with
    times as ISO text; `due` of the incident is the earliest of those that run; `next` is when time alone changes a
    state."""

    clocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    state: str = ""
    due: datetime | None = None
    next: datetime | None = None


def settle(facts: Facts, before: Mapping[str, Any], *, policy: Policy, now: datetime) -> Standing:
    """The clocks as they stand now, given how they stood before."""
    if facts.gone:
        return Standing()
    clocks, dues, changes = {}, [], []
    for kind in ServiceClock:
        stored = before.get(kind.value)
        mark, by_close = _end(facts, kind)
        if kind == ServiceClock.CONTAIN and facts.contained is None and facts.classification in NO_ATTACK:
            continue
        began = facts.started.isoformat()
        if stored and mark and (stored["ended"], stored["began"]) == (mark.isoformat(), began):
            clocks[kind.value] = dict(stored)
            continue
        target = policy.target(kind, facts.severity)
        if target is None:
            continue
        clock, due, following = _judge(facts, target, mark, by_close=by_close, policy=policy, now=now)
        clocks[kind.value] = clock
        dues += [due] if due else []
        changes += [following] if following else []
    return Standing(clocks, worst(clocks), min(dues, default=None), min(changes, default=None))


def worst(clocks: Mapping[str, Mapping[str, Any]]) -> str:
    states = {clock["state"] for clock in clocks.values()}
    return next((state.value for state in GRAVEST if state.value in states), "")


def _end(facts: Facts, kind: ServiceClock) -> tuple[datetime | None, bool]:
    """When the clock ended, and whether only the close ended it."""
    own = {ServiceClock.ACKNOWLEDGE: facts.acknowledged, ServiceClock.CONTAIN: facts.contained,
           ServiceClock.RESOLVE: facts.resolved}[kind]  # fmt: skip
    if own is None and facts.closed:
        return facts.resolved, True
    return own, False


def _judge(
    facts: Facts, target: timedelta, mark: datetime | None, *, by_close: bool, policy: Policy, now: datetime
) -> tuple[dict[str, Any], datetime | None, datetime | None]:
    """The clock, its due time while it runs, and when time alone changes its state."""
    calendar = policy.calendar(facts.severity)
    due, held = _due(facts, target, calendar)
    clock: dict[str, Any] = {"target_s": int(target.total_seconds()), "began": facts.started.isoformat(),
                             "due": due.isoformat(), "ended": None}  # fmt: skip
    if mark is not None:
        met = ServiceState.COMPLETED_MET if mark <= due else ServiceState.COMPLETED_BREACHED
        return {**clock, "ended": mark.isoformat(), "by_close": by_close, "state": met.value}, None, None
    if held:
        return {**clock, "due": None, "state": ServiceState.PAUSED.value}, None, None
    warned, _ = _due(facts, target * policy.at_risk, calendar)
    if now >= due:
        return {**clock, "state": ServiceState.BREACHED.value}, due, None
    if now >= warned:
        return {**clock, "state": ServiceState.AT_RISK.value}, due, due
    return {**clock, "state": ServiceState.ACTIVE.value}, due, warned


def _due(facts: Facts, target: timedelta, calendar: Calendar | AroundTheClock) -> tuple[datetime, bool]:
    """When the target is reached, each pause before that put on top; True while a pause holds it."""
    due = calendar.end_of(facts.started, target)
    for since, until in facts.pauses:
        begin = max(since, facts.started)
        if begin >= due:
            break
        if until is None:
            return due, True
        due = calendar.end_of(due, calendar.between(begin, until))
    return due, False
