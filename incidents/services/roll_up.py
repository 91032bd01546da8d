"""What an incident says about its alerts, computed anew."""

from collections.abc import Iterable

from django.db.models import Count

from core import clock
from core.actors import Actor
from incidents.enums import SEVERITY_RANK, AlertStatus, Severity, ValueSource
from incidents.models import Alert, Incident


def roll_up(incident_ids: Iterable[int], *, actor: Actor) -> None:
    """Bring the counts and the automatic severity of the incidents up to date."""
    for incident in Incident.objects.filter(pk__in=list(incident_ids)):
        _roll_up_one(incident)


def _roll_up_one(incident: Incident) -> None:
    alerts = Alert.objects.filter(incident=incident)
    by_severity = dict(alerts.values_list("severity").annotate(n=Count("pk")).values_list("severity", "n"))
    active = alerts.exclude(status=AlertStatus.RESOLVED).count()
    counts = {name: by_severity.get(name, 0) for name in Severity.values}
    incident.alert_counts = {"total": sum(counts.values()), "active": active, **counts}
    if incident.severity_source == ValueSource.AUTO:
        incident.severity = max(by_severity, key=lambda value: SEVERITY_RANK[value], default=Severity.UNKNOWN)
        incident.severity_rank = SEVERITY_RANK[incident.severity]
    incident.updated = clock.now()
    incident.save(update_fields=["alert_counts", "severity", "severity_rank", "updated"])
