"""A new alert on a device that is watched on its way back opens its incident again."""

from collections.abc import Sequence

from django.db import transaction

from core import clock
from incidents.enums import SEVERITY_RANK, EvidenceVerdict, IncidentStatus, Severity
from incidents.models import Alert, Evidence, Incident
from incidents.services.manage import update_incident
from notifications.services.tell import tell
from remediation import news_of_recovery
from remediation.enums import RecoveryState, StepKind, StepState
from remediation.lifecycle import RECOVERY_STATE
from remediation.models import IndicatorHit, Recovery
from remediation.services.recover import WATCHER, announce_recovery

FROM = SEVERITY_RANK[Severity.MEDIUM]
MOST_ALERTS = 1_000
_GRAVE = [value for value, rank in SEVERITY_RANK.items() if rank >= FROM]


def alerts_stored(*, alerts: Sequence[int] = (), **_: object) -> None:
    """Listener of `alerts.stored`, after the indicators that they name were noted."""
    if not alerts or not Recovery.objects.watched().exists():
        return
    seen = Alert.objects.filter(pk__in=list(alerts)[:MOST_ALERTS], evidence__device__recoveries__state="watched")
    for alert in seen.distinct().order_by("pk"):
        _look(alert)


def _look(alert: Alert) -> None:
    watched = Recovery.objects.watched().filter(device__evidence__alert=alert, watch_since__lte=alert.last_activity)
    for pk in watched.distinct().values_list("pk", flat=True):
        with transaction.atomic():
            row = Recovery.objects.select_for_update(of=("self",)).select_related("device", "incident").get(pk=pk)
            if row.state == RecoveryState.WATCHED and _is_relapse(alert, row):
                _break(row, alert)


def _is_relapse(alert: Alert, row: Recovery) -> bool:
    """Grave enough by itself, or about something that the incident put under an indicator or knows as malicious."""
    if alert.severity in _GRAVE:
        return True
    if IndicatorHit.objects.filter(alert=alert, indicator__incident=row.incident_id).exists():
        return True
    keys = [key for key in alert.evidence.values_list("key", flat=True) if key]
    before = Evidence.objects.filter(alert__incident=row.incident_id, key__in=keys, verdict=EvidenceVerdict.MALICIOUS)
    return before.exclude(alert=alert).exists()


def _break(row: Recovery, alert: Alert) -> None:
    said = f"{row.device} raised a new alert while it was watched: {alert.title}"
    RECOVERY_STATE.move(
        row, RecoveryState.FAILED, actor=WATCHER, thread=row.thread, reason=said[:500], alert=alert, ended=clock.now(),
        detail=said[:500], version=row.version + 1,
    )  # fmt: skip
    row.steps.filter(kind=StepKind.WATCHED).update(
        state=StepState.FAILED, at=clock.now(), by=WATCHER.as_json(), note=said[:500]
    )
    incident = _living(row.incident)
    if incident.status == IncidentStatus.RESOLVED:
        update_incident(incident, changes={"status": IncidentStatus.IN_PROGRESS}, actor=WATCHER, reason=said[:500])
    tell(
        news_of_recovery.BROKEN, subject=incident.thread, title=f"{row.device} raised a new alert while it was watched",
        body=alert.title[:300], url=f"/incidents/{incident.pk}/recovery/", severity=alert.severity,
        device_group_ids=[row.device.device_group_id], once=f"recovery:{row.pk}:{alert.pk}",
        facts={"incident": incident.pk, "alert": alert.pk}, actor=WATCHER,
    )  # fmt: skip
    announce_recovery(row)


def _living(incident: Incident) -> Incident:
    """The incident that it was merged into, if it was."""
    while incident.redirect_incident_id is not None:
        incident = Incident.objects.get(pk=incident.redirect_incident_id)
    return incident
