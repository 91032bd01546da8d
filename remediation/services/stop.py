"""Stop-all and what follows from it for runs: while it is on none leaves, afterwards each is asked anew."""

from typing import Any

from connectors.models import Halt
from connectors.services import halt
from core import clock, jobs
from core.actors import Actor
from remediation.enums import RunStatus
from remediation.models import ActionRun


def stop_everything(*, actor: Actor, reason: str) -> Halt:
    """Nothing is delivered from now on. Raises `ValidationError` without a reason."""
    return halt.stop_all(actor=actor, reason=reason)


def go_on(*, actor: Actor, reason: str) -> Halt:
    """What waits is asked anew, each run with all rules, and then leaves. Raises `ValidationError`."""
    return halt.resume(actor=actor, reason=reason)


def wake_what_was_stopped(**_payload: Any) -> None:
    """Listener of `halt.changed`: after resuming, runs that wait for their order are looked at now. Told twice it does
    the same."""
    if halt.in_force() is None:
        waiting = ActionRun.objects.filter(status=RunStatus.QUEUED, next_step_at__gt=clock.real_now())
        waiting.update(next_step_at=clock.real_now())
        jobs.wake("remediation.tasks.advance_runs")
