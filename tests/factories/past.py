"""Incidents that went through the services at given times, so that figures have something to count."""

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import User
from core import clock
from core.actors import Actor
from incidents.models import Incident
from incidents.services.create_incident import create_incident
from incidents.services.manage import update_incident
from incidents.services.mitigation import mark_contained

MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)  # nine o'clock on a working day
WATCH = Actor.system("test set-up")


def later(**span: float) -> datetime:
    return MONDAY + timedelta(**span)


def incident_at(moment: datetime, *, severity: str = "high", title: str = "Invoice fraud", **fields: Any) -> Incident:
    """Opened by hand at that moment; its alert's activity begins then."""
    with clock.at(moment):
        return create_incident(title, severity=severity, actor=WATCH, **fields)


def change_at(moment: datetime, incident: Incident, who: User, **changes: Any) -> Incident:
    with clock.at(moment):
        return update_incident(incident, changes=changes, actor=who.actor)


def contain_at(moment: datetime, incident: Incident) -> None:
    with clock.at(moment):
        mark_contained(incident, at=moment, actor=WATCH, reason="isolated")


def handled(who: User, *, begun: datetime = MONDAY, minutes: tuple[float, float | None, float] = (10, 40, 300),
            severity: str = "high", classification: str = "truePositive", **fields: Any) -> Incident:  # fmt: skip
    """Acknowledged, contained (or never) and closed after so many minutes."""
    taken, held, closed = minutes
    incident = incident_at(begun, severity=severity, **fields)
    change_at(begun + timedelta(minutes=taken), incident, who, assigned_to=who)
    if held is not None:
        contain_at(begun + timedelta(minutes=held), incident)
    change_at(begun + timedelta(minutes=closed), incident, who, status="resolved", classification=classification)
    incident.refresh_from_db()
    return incident
