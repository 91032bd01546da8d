"""The three times of an incident, from event time; the definition stands beside every figure."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from core import options
from incidents.enums import Severity
from incidents.models import Incident

# How much longer than an incident of severity high may the others take.
_PATIENCE = {Severity.HIGH: 1, Severity.MEDIUM: 2}
_OTHERS = 4


@dataclass(frozen=True, slots=True)
class Clock:
    """One time. `seconds` is None while the clock still runs, or when the thing never happened."""

    key: str
    label: str
    started: datetime
    ended: datetime | None
    seconds: int | None
    target_seconds: int
    met: bool | None
    definition: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def first_alert_at(incident: Incident) -> datetime:
    """When the first alert's activity began: the start of every clock."""
    first = incident.alerts.order_by("first_activity").values_list("first_activity", flat=True).first()
    return first or incident.first_activity


def clocks_of(incident: Incident) -> list[Clock]:
    """Acknowledge, contain and resolve, each against the target for the incident's severity."""
    start = first_alert_at(incident)
    patience = _PATIENCE.get(Severity(incident.severity), _OTHERS)
    acknowledge = timedelta(minutes=options.get("reviews.target_acknowledge_min"))
    contain = timedelta(minutes=options.get("reviews.target_contain_min"))
    resolve = timedelta(hours=options.get("reviews.target_resolve_h"))
    return [
        _clock(
            "acknowledge",
            "Acknowledge",
            start,
            incident.acknowledged,
            acknowledge * patience,
            "First alert to the first owner or In progress.",
        ),
        _clock(
            "contain",
            "Contain",
            start,
            incident.contained_at,
            contain * patience,
            "First alert to the first containment that was verified.",
        ),
        _clock(
            "resolve",
            "Resolve",
            start,
            incident.resolved,
            resolve * patience,
            "First alert to the last close. Time after a reopening counts.",
        ),
    ]


def _clock(key: str, label: str, start: datetime, end: datetime | None, target: timedelta, definition: str) -> Clock:
    took = max(timedelta(0), end - start) if end else None
    met = None if took is None else took <= target
    seconds = None if took is None else int(took.total_seconds())
    return Clock(key, label, start, end, seconds, int(target.total_seconds()), met, definition)
