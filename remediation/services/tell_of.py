"""Telling people of response actions: that one waits, and what came of it."""

from typing import Any

from accounts.models import User
from core.actors import Actor
from notifications.services.tell import tell
from remediation import news
from remediation.catalog import get
from remediation.enums import Decision, RunStatus, Source
from remediation.models import ActionRun

MANUAL = (Source.MANUAL, Source.API)
COMPLETED = (RunStatus.SUCCEEDED, RunStatus.PARTIALLY_SUCCEEDED)
FAILED = (RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.UNKNOWN)
EXECUTOR = Actor.system("remediation")


def tell_waiting(run: ActionRun, *, actor: Actor) -> None:
    """To those who might decide; not to the one who asked."""
    if run.decision == Decision.PENDING:
        tell(
            news.WAITING,
            title=f"{_words(run)} waits for a decision",
            body=f"Asked for by {actor.name}: {run.comment}",
            once=f"run:{run.pk}",
            actor=actor,
            **_place(run),
        )


def run_ended(run_id: int, status: str) -> None:
    """The outcome, to whoever asked and to the owner of its incident. A part of a larger action is told by the whole.
    Listener of `run.ended`; what came of an unknown outcome later is told as well."""
    run = ActionRun.objects.select_related("incident").filter(pk=run_id, parent=None).first()
    if run is None or status not in (*COMPLETED, *FAILED):
        return
    good = status in COMPLETED
    concerned = (run.requester_id, run.incident.assigned_to_id if run.incident else None)
    tell(
        news.COMPLETED if good else news.FAILED,
        title=f"{_words(run)}: {RunStatus(status).label.lower()}",
        body="" if good else run.status_detail,
        people=User.objects.filter(pk__in=[pk for pk in concerned if pk is not None]),
        once=f"run:{run.pk}:{status}",
        actor=EXECUTOR,
        **_place(run),
    )


def _words(run: ActionRun) -> str:
    return f"{get(run.action).label} on {run.target_name}"


def _place(run: ActionRun) -> dict[str, Any]:
    incident = run.incident
    groups = run.device_group_ids or (incident.device_group_ids if incident is not None else [])
    return {
        "subject": f"run:{run.pk}",
        "url": f"/actions/{run.pk}/",
        "severity": incident.severity if incident is not None else "",
        "device_group_ids": groups,
        "facts": {
            "run": run.pk,
            "action": run.action,
            "automated": run.source not in MANUAL,
            **({"incident": incident.pk} if incident is not None else {}),
        },
    }
