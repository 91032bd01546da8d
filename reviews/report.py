"""The review as data: everything the page, the PDF, the API and the frozen snapshot show."""

import hashlib
import json
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.dateparse import parse_datetime

from core.models import AuditEvent
from incidents.assets import CONTAINABLE
from incidents.enums import Category, Classification, EntityKind
from incidents.models import Incident
from incidents.techniques import technique_name
from remediation.catalog.registry import get as get_action
from remediation.enums import RecoveryState, RunStatus
from remediation.models import ActionRun, Recovery
from reviews.clocks import clocks_of
from reviews.containment import asset_states
from reviews.enums import FindingKind
from reviews.models import Review
from reviews.timeline import timeline_of

MOST_ASSETS = 10


def build_report(review: Review) -> dict[str, Any]:
    """The report as it stands now; times are UTC. A signed review answers its snapshot instead (`report_of`)."""
    incident = review.incident
    states = asset_states(incident)
    clocks = clocks_of(incident, states)
    findings = list(review.findings.all()) if review.pk else []  # a review that nobody has begun is not stored
    return {
        "incident": _incident(incident),
        "missing": missing_parts(review),
        "partial": not is_complete(incident),
        "summary": review.summary,
        "clocks": [clock.as_json() for clock in clocks],
        "timeline": [moment.as_json() for moment in timeline_of(incident)],
        "author": (review.written_by or {}).get("name", ""),
        "people": people_of(incident),
        "containment": [state.as_json() for state in states],
        "recovery": _recovery(incident),
        "assets": _assets(incident),
        "tactics": [category.label for category in Category if category.value in incident.categories],
        "techniques": [{"id": key, "name": technique_name(key)} for key in incident.mitre_techniques],
        "actions": [_run(run) for run in ActionRun.objects.filter(incident=incident, parent=None).order_by("created")],
        "well": [row.text for row in findings if row.kind == FindingKind.WELL],
        "badly": [row.text for row in findings if row.kind == FindingKind.BADLY],
        "lessons": review.lessons,
        "follow_ups": [_follow_up(row) for row in review.follow_ups.select_related("owner")] if review.pk else [],
    }


def _recovery(incident: Incident) -> list[dict[str, Any]]:
    """How long each device was on its way back to work, from the begin of its checklist to the end of its watch."""
    rows = Recovery.objects.filter(incident=incident).select_related("device").order_by("device__display_name", "pk")
    return [
        {
            "name": str(row.device),
            "state": row.get_state_display(),
            "recovered": row.state == RecoveryState.RECOVERED,
            "began": row.began,
            "ended": row.ended,
            "took_s": (row.ended - row.began).total_seconds() if row.ended else None,
            "watch_hours": row.watch_hours,
            "detail": row.detail,
        }
        for row in rows
    ]


def report_of(review: Review) -> dict[str, Any]:
    """The frozen snapshot of a signed review, else the report as it stands."""
    return review.snapshot if review.snapshot is not None else as_stored(build_report(review))


def as_stored(report: dict[str, Any]) -> dict[str, Any]:
    """The report as JSON would keep it, so that a draft and a snapshot are the same kind of thing."""
    stored: dict[str, Any] = json.loads(json.dumps(report, cls=DjangoJSONEncoder))
    return stored


def rows_of_states(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The assets of a stored report with their times; a snapshot from before they were told has none."""
    return [
        {
            **row,
            "kind_word": CONTAINABLE.get(row["kind"], row["kind"]),
            "since": parse_datetime(row["since"] or ""),
            "undone": parse_datetime(row["undone"] or ""),
        }
        for row in report.get("containment", [])
    ]


def digest_of(report: dict[str, Any]) -> str:
    """SHA-256 over the report's canonical JSON."""
    return hashlib.sha256(json.dumps(report, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def zone_called(name: str) -> ZoneInfo:
    """The zone of this name; UTC when there is none."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def is_complete(incident: Incident) -> bool:
    """A review is partial until the incident is resolved and classified."""
    return not incident.is_open and incident.classification != Classification.UNKNOWN


def missing_parts(review: Review) -> list[str]:
    """What still stands in the way of a signature, in words."""
    missing = []
    if review.incident.is_open:
        missing.append("The incident is not resolved.")
    if review.incident.classification == Classification.UNKNOWN:
        missing.append("The incident is not classified.")
    if not review.summary.strip():
        missing.append("The summary is empty.")
    if not review.lessons.strip():
        missing.append("No lesson is written down.")
    return missing


def people_of(incident: Incident) -> list[str]:
    """Names of the people (not the system) in the incident's thread, in order of appearance."""
    names = (
        AuditEvent.objects.filter(thread=incident.thread)
        .exclude(actor_kind="system")
        .order_by("at", "id")
        .values_list("actor_name", flat=True)
    )
    return list(dict.fromkeys(names))


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": str(incident.pk),
        "number": incident.number,
        "display_name": incident.display_name,
        "severity": incident.severity,
        "status": incident.status,
        "status_label": incident.get_status_display(),
        "classification": incident.get_classification_display(),
        "determination": incident.get_determination_display(),
        "owner": str(incident.assigned_to) if incident.assigned_to else "",
        "first_activity": incident.first_activity,
        "last_activity": incident.last_activity,
        "resolving_comment": incident.resolving_comment,
        "reopened_count": incident.reopened_count,
        "alerts": incident.alert_counts.get("total", 0),
        "sources": incident.sources,
        "simulated": bool(incident.exercise),
    }


def _assets(incident: Incident) -> list[dict[str, str]]:
    names = incident.impacted_assets.get("names", [])
    kinds = [EntityKind.DEVICE, EntityKind.IDENTITY, EntityKind.MAILBOX, EntityKind.FILE]
    ordered = sorted(names, key=lambda row: kinds.index(row["kind"]))
    return [{"kind": row["kind"], "id": str(row["id"]), "name": row["name"]} for row in ordered][: MOST_ASSETS * 3]


def _run(run: ActionRun) -> dict[str, Any]:
    return {
        "number": run.number,
        "id": str(run.pk),
        "label": get_action(run.action).label,
        "target": run.target_name,
        "status": run.status,
        "status_label": run.get_status_display(),
        "outcome": outcome_of(run),
        "requested_by": run.requester.name,
        "decided_by": run.decider.name if run.decider else "",
        "created": run.created,
        "ended": run.ended,
        "method": run.verification.get("method", "") if run.is_verified else "",
        "simulated": run.simulated,
        "undoes": str(run.undoes_id) if run.undoes_id else "",
    }


def outcome_of(run: ActionRun) -> str:
    """What was verified: `Isolated, verified`; else how the run ended."""
    if run.status == RunStatus.SUCCEEDED and run.is_verified:
        return f"{get_action(run.action).done}, verified"
    return run.get_status_display()


def _follow_up(row: Any) -> dict[str, str]:
    return {
        "id": str(row.pk),
        "text": row.text,
        "owner": str(row.owner) if row.owner else "Nobody",
        "due": row.due.isoformat(),
        "state": row.state,
    }
