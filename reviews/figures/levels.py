"""How service levels were kept: the clocks of the incidents that were opened in the period, as they stand now."""

from collections import Counter
from typing import Any

from django.db.models import Count, F, Q
from django.db.models.fields.json import KT

from incidents.enums import ServiceClock, ServiceState
from incidents.models import Incident
from incidents.queries.incidents import OPEN
from incidents.service_levels import policy
from reviews.figures.durations import ORDER
from reviews.figures.period import Period
from reviews.figures.population import Population
from reviews.figures.volume import opened

LATE = (ServiceState.BREACHED, ServiceState.AT_RISK, ServiceState.PAUSED)


def kept(population: Population, period: Period) -> list[dict[str, Any]]:
    """For each severity and clock: how many were met, missed, run and are late, and the share that was kept of those
    that are decided. A clock that is overdue and still runs is decided: missed."""
    counts: dict[str, Counter[tuple[str, str]]] = {}
    rows = opened(population, period).order_by()
    for clock in ServiceClock:
        state = rows.annotate(state=KT(f"sla__{clock.value}__state")).exclude(state__isnull=True)
        grouped = state.values("severity", "state").annotate(n=Count("pk"))
        counts[clock.value] = Counter(
            {(severity, word): n for severity, word, n in grouped.values_list("severity", "state", "n")}
        )
    promised = policy()
    table = []
    for severity in ORDER:
        cells = [_cell(clock, counts[clock.value], severity, promised) for clock in ServiceClock]
        if any(cell["total"] for cell in cells):
            table.append({"severity": severity.value, "cells": cells})
    return table


def _cell(clock: ServiceClock, counts: Counter[tuple[str, str]], severity: str, promised: Any) -> dict[str, Any]:
    def of(*states: ServiceState) -> int:
        return sum(counts[severity, state.value] for state in states)

    met, missed = of(ServiceState.COMPLETED_MET), of(ServiceState.COMPLETED_BREACHED, ServiceState.BREACHED)
    target = promised.target(clock, severity)
    return {
        "clock": clock.value,
        "label": str(clock.label),
        "met": met,
        "missed": missed,
        "running": of(ServiceState.ACTIVE, ServiceState.AT_RISK),
        "paused": of(ServiceState.PAUSED),
        "total": met + missed + of(ServiceState.ACTIVE, ServiceState.AT_RISK, ServiceState.PAUSED),
        "share": round(100 * met / (met + missed)) if met + missed else None,
        "target_s": None if target is None else int(target.total_seconds()),
    }


def standing(population: Population) -> dict[str, int]:
    """Open incidents by the state that speaks for them."""
    rows = population.incidents().filter(status__in=OPEN).order_by()
    found = rows.aggregate(**{state.value: Count("pk", Q(sla_state=state)) for state in ServiceState})
    return {name: int(n) for name, n in found.items()}


def late(population: Population, *, most: int = 12) -> list[Incident]:
    """Open incidents that are overdue, at risk or paused: the longest overdue first, those that stand still last."""
    rows = population.incidents().filter(status__in=OPEN, sla_state__in=LATE).for_rows()
    return list(rows.order_by(F("sla_due").asc(nulls_last=True), "pk")[:most])
