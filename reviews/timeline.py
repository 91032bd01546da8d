"""What happened, in order: the attacker's steps, our steps, and the milestones of the clocks."""

from dataclasses import replace

from django.db.models import Q

from core.models import AuditEvent
from incidents.enums import IncidentStatus
from incidents.models import Evidence, Incident
from incidents.moments import Moment, told_moments
from remediation.about import about
from remediation.catalog.registry import get as get_action
from remediation.enums import Decision
from remediation.models import ActionRun

MOST_ALERTS = 40
MOST_REACHED = 20
SIMULATED = "SIMULATED"  # a mark of its own, so the method need not say it again


def timeline_of(incident: Incident) -> list[Moment]:
    """All moments by time; of many alerts, the first of each title with a count. Later rooms tell of their own work."""
    moments = [
        *_alerts(incident),
        *_reached(incident),
        *_milestones(incident),
        *_runs(incident),
        *told_moments(incident),
    ]
    return sorted(moments, key=lambda moment: moment.at)


def _alerts(incident: Incident) -> list[Moment]:
    first_of: dict[str, Moment] = {}
    counts: dict[str, int] = {}
    rows = incident.alerts.order_by("first_activity", "id").values_list("first_activity", "title", "source")
    for at, title, source in rows:
        counts[title] = counts.get(title, 0) + 1
        if title not in first_of:
            first = not first_of
            first_of[title] = Moment(
                at,
                "milestone" if first else "attacker",
                title,
                f"reported by {source}",
                "Clock starts" if first else "",
            )
    shown = list(first_of.values())[:MOST_ALERTS]
    return [_with_count(moment, counts[moment.text]) for moment in shown]


def _reached(incident: Incident) -> list[Moment]:
    """How the attack came to further devices: the first alert on each after the first one."""
    named = Evidence.objects.filter(alert__incident=incident).exclude(device=None)
    one_each = named.order_by("device_id", "alert__first_activity", "id").distinct("device_id")
    rows = one_each.values_list("alert__first_activity", "pk", "device__display_name", "alert__title")
    firsts = [Moment(at, "attacker", f"First alert on {name}", title) for at, _pk, name, title in sorted(rows)]
    return firsts[1 : MOST_REACHED + 1]


def _with_count(moment: Moment, count: int) -> Moment:
    if count == 1:
        return moment
    if moment.mark:
        return replace(moment, detail=f"{moment.detail}, {count} times")
    return replace(moment, mark=f"{count} times")


def _milestones(incident: Incident) -> list[Moment]:
    moments = []
    if incident.acknowledged:
        who = _who_took(incident)
        moments.append(Moment(incident.acknowledged, "milestone", f"{who} takes the incident", "", "Acknowledged"))
    if incident.contained_at:
        begun = "First containment verified"
        moments.append(Moment(incident.contained_at, "milestone", begun, "", "Containment begun", "ok"))
    if incident.resolved:
        who = _last_actor(incident, "incident.status")
        moments.append(
            Moment(incident.resolved, "milestone", f"Resolved by {who}", incident.resolving_comment, "Resolved", "ok")
        )
    return moments


def _who_took(incident: Incident) -> str:
    """The first owner, or who set it In progress when that came before any owner."""
    begun = Q(verb="incident.status", changes__status__1=IncidentStatus.IN_PROGRESS)
    owned = Q(verb="incident.changed", changes__has_key="assigned_to")
    for event in AuditEvent.objects.filter(begun | owned, subject=incident.thread).order_by("at", "id"):
        if event.verb == "incident.status":
            return str(event.actor_name)
        if owner := event.changes["assigned_to"][1]:
            return str(owner)
    return "Somebody"


def _last_actor(incident: Incident, verb: str) -> str:
    event = AuditEvent.objects.filter(subject=incident.thread, verb=verb).order_by("-at", "-id").first()
    return event.actor_name if event else "somebody"


def _runs(incident: Incident) -> list[Moment]:
    moments = []
    for run in ActionRun.objects.filter(incident=incident, parent=None).order_by("created"):
        deed = f"{get_action(run.action).label}: {about(run)}"
        moments.append(Moment(run.created, "us", f"{deed} requested", f"{run.requester.name}: {run.comment}"))
        if run.decision in (Decision.APPROVED, Decision.REJECTED) and run.decided_at and run.decider:
            verb = "approved" if run.decision == Decision.APPROVED else "rejected"
            moments.append(Moment(run.decided_at, "us", f"{deed} {verb}", f"{run.decider.name}"))
        if run.ended:
            moments.append(_ending(run, deed))
    return moments


def _ending(run: ActionRun, deed: str) -> Moment:
    if run.is_verified:
        return Moment(
            run.ended or run.created,
            "us",
            f"{deed}: {get_action(run.action).done.lower()}, verified",
            str(run.verification.get("method", "")).removeprefix(f"{SIMULATED}: "),
            SIMULATED if run.simulated else "",
            "ok",
        )
    return Moment(run.ended or run.created, "other", f"{deed}: {run.get_status_display().lower()}", run.status_detail)
