"""Which worker may take the next step of a run. A claim is a lease; a worker that lost it may not write."""

from datetime import timedelta

from django.db import transaction

from core import clock, jobs
from core.due import due
from remediation.models import ActionRun

LEASE = timedelta(seconds=30)
# A look now and then at runs whose delivery tells of itself, should its word get lost.
SAFETY = timedelta(seconds=60)
LONGEST_COUNTDOWN_S = 30.0


def claim_run(run_id: int, *, even_if_not_due: bool = False) -> ActionRun | None:
    """The run when it is due and nobody else holds it."""
    with transaction.atomic():
        rows = ActionRun.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=run_id)
        rows = rows.exclude(next_step_at=None) if even_if_not_due else rows.filter(due("next_step_at"))
        run = rows.select_related("incident", "connection").first()
        if run is None:
            return None
        run.steps += 1
        run.next_step_at = clock.real_now() + LEASE
        run.save(update_fields=["steps", "next_step_at"])
    return run


def still_claimed(run: ActionRun) -> ActionRun | None:
    """The locked row as long as the claim holds. Inside a transaction."""
    return (
        ActionRun.objects.select_for_update(of=("self",))
        .select_related("incident", "connection")
        .filter(pk=run.pk, steps=run.steps)
        .first()
    )


def due_runs(limit: int) -> list[int]:
    rows = ActionRun.objects.filter(due("next_step_at")).order_by("next_step_at", "id")
    return list(rows.values_list("pk", flat=True)[:limit])


def look_again(run: ActionRun, seconds: float) -> None:
    """Plan the next step; a short wait wakes a worker by itself, a long one is found by the sweep."""
    run.next_step_at = clock.real_now() + timedelta(seconds=seconds)
    ActionRun.objects.filter(pk=run.pk).update(next_step_at=run.next_step_at)
    if seconds <= LONGEST_COUNTDOWN_S:
        jobs.enqueue_in(seconds, "remediation.tasks.advance_run", run.pk)
