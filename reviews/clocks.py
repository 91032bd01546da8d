"""The three times of an incident, from event time; the definition stands beside every figure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from incidents.enums import ServiceClock
from incidents.models import Incident
from incidents.service_levels import policy
from reviews.containment import AssetState, asset_states, counts_in_words, holds_of, undone_in_words


@dataclass(frozen=True, slots=True)
class Clock:
    """One time. `seconds` is None while the clock still runs, or when the thing never happened."""

    key: str
    label: str
    started: datetime
    ended: datetime | None
    seconds: int | None
    target_seconds: int | None  # None: nothing is promised for this severity
    met: bool | None
    definition: str
    words: str = "Not yet"  # instead of a time, when there is none
    note: str = ""  # what spoils the figure: the containment did not last
    aside: str = ""  # how far it went: how many of the assets
    partly: bool = False  # begun, but not everything was held

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def first_alert_at(incident: Incident) -> datetime:
    """When the first alert's activity began: the start of every clock."""
    first = incident.alerts.order_by("first_activity").values_list("first_activity", flat=True).first()
    return first or incident.first_activity


def clocks_of(incident: Incident, states: Sequence[AssetState] | None = None) -> list[Clock]:
    """Acknowledge, contain and resolve, each against the target for the incident's severity. `states` are those of its
    assets, when they are known already."""
    acknowledge, contain, resolve = _measured(incident)
    states = asset_states(incident) if states is None else states
    counts = counts_in_words(states)
    when = "Now" if incident.is_open else "At the close"
    contain = replace(
        contain,
        note="" if contain.ended else undone_in_words(holds_of(incident), states),
        aside=f"{when}, {counts} contained." if counts else "",
        partly=contain.ended is not None and not all(state.contained for state in states),
    )
    if not incident.is_open:
        contain = replace(contain, words="Never contained")
        if acknowledge.ended is None:
            missed = None if acknowledge.target_seconds is None else False
            acknowledge = replace(acknowledge, words="Never acknowledged", met=missed)
    return [acknowledge, contain, resolve]


def _measured(incident: Incident) -> list[Clock]:
    start = first_alert_at(incident)
    promised = policy()
    marks = {
        ServiceClock.ACKNOWLEDGE: (incident.acknowledged, "First alert to the first owner or In progress."),
        ServiceClock.CONTAIN: (
            incident.contained_at,
            "First alert to the first verified containment that was not taken back before the close.",
        ),
        ServiceClock.RESOLVE: (incident.resolved, "First alert to the last close. Time after a reopening counts."),
    }
    return [
        _clock(kind.value, str(kind.label), start, end, promised.target(kind, incident.severity), definition)
        for kind, (end, definition) in marks.items()
    ]


def _clock(
    key: str, label: str, start: datetime, end: datetime | None, target: timedelta | None, definition: str
) -> Clock:
    took = max(timedelta(0), end - start) if end else None
    met = None if took is None or target is None else took <= target
    seconds = None if took is None else round(took.total_seconds())  # as `duration` rounds in every other place
    promised = None if target is None else int(target.total_seconds())
    return Clock(key, label, start, end, seconds, promised, met, definition)
