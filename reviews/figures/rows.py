"""The rows behind each figure: the very incidents, with the very times that it was computed from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from core.wording import duration
from incidents.enums import Classification, IncidentStatus, ServiceClock, ServiceState
from incidents.models import Incident
from incidents.queries.incidents import OPEN, IncidentQuerySet
from reviews.figures.durations import MEASURES
from reviews.figures.period import Period
from reviews.figures.population import Population

Condition = Callable[[Period], Q]
HEADER = (
    "number", "name", "severity", "status", "classification", "owner", "sources", "first activity", "opened",
    "acknowledged", "contained", "resolved", "seconds to acknowledge", "seconds to contain", "seconds to resolve",
    "acknowledge: service level", "contain: service level", "resolve: service level", "demo data",
)  # fmt: skip


def _opened(period: Period) -> Q:
    return Q(created__gte=period.since, created__lt=period.until)


def _closed(period: Period) -> Q:
    return Q(resolved__gte=period.since, resolved__lt=period.until, status=IncidentStatus.RESOLVED)


def _marked(column: str) -> Condition:
    return lambda period: Q(**{f"{column}__gte": period.since, f"{column}__lt": period.until})


# key -> (what the list shows, its condition)
FIGURES: Mapping[str, tuple[str, Condition]] = {
    "opened": ("Opened in the period", _opened),
    "closed": ("Closed in the period", _closed),
    "false_positives": (
        "Closed in the period as false positive",
        lambda period: _closed(period) & Q(classification=Classification.FALSE_POSITIVE),
    ),
    "reopened": ("Opened in the period and reopened since", lambda period: _opened(period) & Q(reopened_count__gt=0)),
    "open": ("Open now", lambda _period: Q(status__in=OPEN)),
    **{
        key: (f"{measure.label}: {measure.verb} in the period", _marked(measure.column))
        for key, measure in MEASURES.items()
    },
    "unacknowledged": ("Opened in the period, not acknowledged", lambda period: _opened(period) & Q(acknowledged=None)),
    "never_contained": ("Closed in the period, never contained", lambda period: _closed(period) & Q(contained_at=None)),
    "uncontained": ("Open now, not contained", lambda _period: Q(contained_at=None, status__in=OPEN)),
    "still_open": ("Opened in the period, still open", lambda period: _opened(period) & Q(status__in=OPEN)),
}
STATES: Mapping[str, tuple[str, ...]] = {
    "met": (ServiceState.COMPLETED_MET.value,),
    "missed": (ServiceState.COMPLETED_BREACHED.value, ServiceState.BREACHED.value),
    "running": (ServiceState.ACTIVE.value, ServiceState.AT_RISK.value),
    "paused": (ServiceState.PAUSED.value,),
}
STANDING = frozenset(ServiceState.values)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure and its rows. `clock` and `state` narrow to how one clock of the service level stands."""

    key: str
    clock: str = ""
    state: str = ""

    @classmethod
    def read(cls, params: Mapping[str, Any]) -> "Figure | None":
        key, clock, state = (str(params.get(name, "")) for name in ("figure", "clock", "state"))
        if key not in FIGURES:
            return None
        clock = clock if clock in ServiceClock.values else ""
        return cls(key, clock, state if state in (STATES if clock else STANDING) else "")

    @property
    def title(self) -> str:
        said = FIGURES[self.key][0]
        if self.clock:
            return f"{said}: {str(ServiceClock(self.clock).label).lower()}, {self.state or 'any state'}"
        return f"{said}: {str(ServiceState(self.state).label).lower()}" if self.state else said

    def rows(self, population: Population, period: Period) -> IncidentQuerySet:
        found = population.incidents().filter(FIGURES[self.key][1](period))
        if self.clock:
            found = found.filter(**{f"sla__{self.clock}__state__in": list(STATES[self.state])} if self.state
                                 else {f"sla__{self.clock}__isnull": False})  # fmt: skip
        elif self.state:
            found = found.filter(sla_state=self.state)
        return found


def took(incident: Incident, column: str) -> float | None:
    """Seconds from the first activity to a mark, as every figure measures them."""
    mark: datetime | None = getattr(incident, column)
    return None if mark is None else max(0.0, (mark - incident.first_activity).total_seconds())


def as_row(incident: Incident) -> dict[str, Any]:
    """What the list shows of one incident."""
    return {
        "incident": incident,
        "times": [
            {"key": key, "mark": getattr(incident, measure.column), "took": took(incident, measure.column)}
            for key, measure in MEASURES.items()
        ],
        "levels": [
            {"clock": clock.value, "label": str(clock.label), **incident.sla[clock.value]}
            for clock in ServiceClock if clock.value in incident.sla
        ],
    }  # fmt: skip


def as_csv(incident: Incident) -> tuple[Any, ...]:
    taken = [took(incident, measure.column) for measure in MEASURES.values()]
    return (
        incident.number, incident.display_name, incident.get_severity_display(), incident.get_status_display(),
        incident.get_classification_display(), str(incident.assigned_to or ""), incident.sources,
        incident.first_activity, incident.created, incident.acknowledged, incident.contained_at, incident.resolved,
        *["" if seconds is None else f"{seconds:.6f}" for seconds in taken],
        *[incident.sla.get(clock.value, {}).get("state", "") for clock in ServiceClock],
        "SIMULATED" if incident.exercise else "",
    )  # fmt: skip


def in_words(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)
