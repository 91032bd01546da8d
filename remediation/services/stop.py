"""Stop-all and what follows from it for runs: while it is on none leaves, afterwards each is asked anew."""

from typing import Any

from django.db import transaction
from django.urls import reverse

from connectors.models import Halt
from connectors.services import halt
from core import clock, jobs
from core.actors import Actor
from notifications.services.tell import tell
from remediation import alarms
from remediation.enums import RunStatus
from remediation.models import ActionRun


def stop_everything(*, actor: Actor, reason: str) -> Halt:
    """Nothing is delivered from now on. Raises `ValidationError` without a reason."""
    began = halt.stop_all(actor=actor, reason=reason)  # first of all, and committed by itself
    with transaction.atomic():
        _tell(began, f"{actor.name} stopped everything", reason, once=f"{began.pk}:began", actor=actor)
    return began


def go_on(*, actor: Actor, reason: str) -> Halt:
    """What waits is asked anew, each run with all rules, and then leaves. Raises `ValidationError`."""
    with transaction.atomic():
        ended = halt.resume(actor=actor, reason=reason)
        _tell(ended, f"{actor.name} resumed: orders leave again", reason, once=f"{ended.pk}:ended", actor=actor)
    return ended


def _tell(row: Halt, title: str, body: str, *, once: str, actor: Actor) -> None:
    tell(
        alarms.STOPPED, subject=f"halt:{row.pk}", title=title, body=body, url=reverse("remediation:brakes"),
        severity="high", once=once, actor=actor,
    )  # fmt: skip


def wake_what_was_stopped(**_payload: Any) -> None:
    """Listener of `halt.changed`: after resuming, runs that wait for their order are looked at now. Told twice it does
    the same."""
    if halt.in_force() is None:
        waiting = ActionRun.objects.filter(status=RunStatus.QUEUED, next_step_at__gt=clock.real_now())
        waiting.update(next_step_at=clock.real_now())
        jobs.wake("remediation.tasks.advance_runs")
