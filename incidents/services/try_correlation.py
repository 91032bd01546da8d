"""What the last days would have become under other options or with something excluded: a trial that writes nothing.

The same alerts are put together twice, once as it is now and once as it would be, so that what differs comes from the
change alone. Only alerts that the person sees are taken, and no more than can be done while somebody waits.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.core.cache import cache

from accounts.models import User
from core import clock
from incidents.correlation.replay import Partition, replay
from incidents.correlation.rules import Limits, limits_of
from incidents.correlation.taught import Exclusion
from incidents.models import Alert, CorrelationLink, Incident
from incidents.services.merge import RULE as MERGED
from incidents.services.move_alerts import RULE as MOVED

DAYS = 30
# The newest alerts that are put together twice while somebody waits.
MOST_REPLAYED = 4_000
MOST_AFFECTED = 10
MOST_CORRECTIONS = 2_000
# For so long a trial that somebody looked at lets them save what they tried.
KEPT_S = 900
BY_HAND = (MOVED, MERGED)


@dataclass(slots=True)
class Affected:
    """One incident of the trial that would be other: the incidents of today that hold its alerts, and how many alerts
    each of its parts has."""

    becomes: str
    alerts: int
    parts: list[int]
    incidents: list[dict[str, Any]]


@dataclass(slots=True)
class Corrections:
    """What people put right by hand in that time, and what the change would have made of it."""

    looked_at: int = 0
    needless: int = 0
    wrong: int = 0


@dataclass(slots=True)
class Trial:
    """`alerts` were put together, of `found` in the time; `before` and `after` are incidents of the trial, not those
    that people see, which hold what was moved by hand."""

    since: str
    until: str
    alerts: int
    found: int
    before: int
    after: int
    splits: int = 0
    merges: int = 0
    moving: int = 0
    affected: list[Affected] = field(default_factory=list)
    corrections: Corrections = field(default_factory=Corrections)
    exercise: str = ""

    @property
    def is_cut(self) -> bool:
        return self.alerts < self.found

    @property
    def changes_nothing(self) -> bool:
        return not self.splits and not self.merges

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "is_cut": self.is_cut}


def limits_with(
    changed: Mapping[str, Any], *, also: Iterable[Exclusion] = (), without: Iterable[Exclusion] = ()
) -> Limits:
    """The limits that would hold. Raises as `limits_of` does."""
    limits = limits_of(changed)
    return replace(limits, taught=limits.taught.with_also(*also).without(*without))


def looked_at(user: User) -> str:
    """Real alerts; in a portal that has none yet, those of the exercise that came last, so that it can be tried."""
    alerts = Alert.objects.visible_to(user)
    if alerts.filter(exercise="").exists():
        return ""
    newest = alerts.order_by("-pk").values_list("exercise", flat=True).first()
    return newest or ""


def try_limits(
    limits: Limits, *, user: User, exercise: str | None = None, days: int = DAYS, most: int = MOST_REPLAYED
) -> Trial:
    """Put the alerts of the last days together as now and with these limits."""
    until = clock.now()
    since = until - timedelta(days=days)
    exercise = looked_at(user) if exercise is None else exercise
    seen = Alert.objects.visible_to(user).filter(exercise=exercise)
    rows = seen.filter(last_activity__gte=since, last_activity__lte=until)
    found = rows.count()
    alerts = list(rows.order_by("-last_activity", "-pk").values_list("pk", flat=True)[:most])
    before, after = replay(alerts, limits_of({})), replay(alerts, limits)
    if len(alerts) < found:
        since = rows.filter(pk__in=alerts).order_by("last_activity").values_list("last_activity", flat=True)[0]
    trial = Trial(
        since.isoformat(), until.isoformat(), len(alerts), found, len(before.groups), len(after.groups),
        exercise=exercise,
    )  # fmt: skip
    _compare(trial, before, after, user)
    trial.corrections = _corrections(before.group_of, after.group_of)
    return trial


def _compare(trial: Trial, before: Partition, after: Partition, user: User) -> None:
    was, will = before.group_of, after.group_of
    found: list[tuple[int, str, Sequence[int], list[int]]] = []
    for becomes, groups, place in (("splits", before.groups, will), ("merges", after.groups, was)):
        for group in groups:
            parts = sorted(Counter(place[pk] for pk in group).values(), reverse=True)
            if len(parts) > 1:
                found.append((len(group) - parts[0], becomes, group, parts))
    trial.splits = sum(becomes == "splits" for _, becomes, _, _ in found)
    trial.merges = len(found) - trial.splits
    trial.moving = sum(moving for moving, _, _, _ in found)
    found.sort(key=lambda row: (-row[0], row[1], row[2][0]))
    shown = found[:MOST_AFFECTED]
    names = _incidents_of([pk for _, _, group, _ in shown for pk in group], user)
    trial.affected = [
        Affected(becomes, len(group), parts[:20], _named(group, names)) for _, becomes, group, parts in shown
    ]


def _incidents_of(alerts: Sequence[int], user: User) -> dict[int, Incident]:
    """Where the alerts are today, by alert."""
    held = dict(Alert.objects.filter(pk__in=alerts).exclude(incident=None).values_list("pk", "incident_id"))
    seen = Incident.objects.visible_to(user).in_bulk(set(held.values()))
    return {alert: seen[incident] for alert, incident in held.items() if incident in seen}


def _named(group: Sequence[int], names: Mapping[int, Incident]) -> list[dict[str, Any]]:
    counts = Counter(names[pk].pk for pk in group if pk in names)
    rows = {row.pk: row for row in names.values()}
    return [
        {"id": pk, "number": rows[pk].number, "name": rows[pk].neutral_name, "alerts": count}
        for pk, count in counts.most_common(5)
    ]


def _corrections(was: Mapping[int, int], will: Mapping[int, int]) -> Corrections:
    """Pairs that a person took apart or put together, as the rules would have had them without and with the change."""
    wishes = dict.fromkeys(_taken_apart(was), False) | dict.fromkeys(_put_together(was), True)
    found = Corrections(looked_at=len(wishes))
    for (one, other), together in wishes.items():
        right, would_be = (was[one] == was[other]) is together, (will[one] == will[other]) is together
        found.needless += would_be and not right
        found.wrong += right and not would_be
    return found


def _taken_apart(among: Mapping[int, int]) -> set[tuple[int, int]]:
    """An alert that a person moved away from the one it was joined through, and that is still elsewhere."""
    rows = CorrelationLink.objects.exclude(undone=None).exclude(rule__in=BY_HAND).exclude(other_alert=None)
    told = rows.order_by("-undone", "-pk").values_list(
        "alert", "other_alert", "alert__incident", "other_alert__incident"
    )[:MOST_CORRECTIONS]
    return {
        (min(one, other), max(one, other)) for one, other, here, there in told
        if one in among and other in among and here != there
    }  # fmt: skip


def _put_together(among: Mapping[int, int]) -> set[tuple[int, int]]:
    """An alert that a person put into an incident, with the oldest alert there that came otherwise."""
    rows = CorrelationLink.objects.filter(undone=None, rule__in=BY_HAND).order_by("-created", "-pk")
    by_hand = dict(rows.values_list("alert", "alert__incident")[:MOST_CORRECTIONS])
    others = Alert.objects.filter(incident__in=set(by_hand.values())).exclude(pk__in=by_hand)
    oldest = dict(others.order_by("-first_activity", "-pk").values_list("incident", "pk"))
    return {
        (min(alert, oldest[incident]), max(alert, oldest[incident])) for alert, incident in by_hand.items()
        if alert in among and oldest.get(incident) in among
    }  # fmt: skip


def try_and_keep(limits: Limits, *, what: object, user: User, exercise: str | None = None) -> dict[str, Any]:
    """As `try_limits`, kept for a while under `what`, so that saving knows that it was looked at."""
    trial = try_limits(limits, user=user, exercise=exercise).as_json()
    cache.set(_kept_as(what, user), trial, KEPT_S)
    return trial


def kept_trial(what: object, *, user: User) -> dict[str, Any] | None:
    """The trial of exactly this that the person looked at within the last minutes."""
    found: dict[str, Any] | None = cache.get(_kept_as(what, user))
    return found


def _kept_as(what: object, user: User) -> str:
    digest = hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()
    return f"correlation-trial:{user.pk}:{digest}"
