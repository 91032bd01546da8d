"""Carrying a run out in one go, in this process: for playing history under an injected clock, and for tests.

It uses the very steps that workers take, only without waiting for their due times. Inside one transaction no worker
interferes. What does not move any more (an offline target, a delay that has not passed) is left to the workers.
"""

from connectors.enums import FINAL_STATES
from connectors.services.step import step_delivery
from remediation.enums import OPEN_STATUSES
from remediation.models import ActionRun
from remediation.services.deliveries import delivery_of
from remediation.services.execute import advance_run
from remediation.services.report import delivery_changed


def carry_out(run: ActionRun, *, rounds: int = 20) -> ActionRun:
    """Take steps until the run has ended or nothing moves; answers the run as it is then."""
    for one in list(run.children.filter(status__in=OPEN_STATUSES)) or [run]:
        for _ in range(rounds):
            if not _one_round(one):
                break
    run.refresh_from_db()
    return run


def _one_round(run: ActionRun) -> bool:
    """One step of the delivery and one of the run. Answers whether the run is still open and something moved."""
    before = _position(run)
    delivery = delivery_of(run)
    if delivery is not None and delivery.state not in FINAL_STATES:
        step_delivery(delivery.pk, even_if_not_due=True)
        delivery_changed(delivery_id=delivery.pk, reference=delivery.reference)
    advance_run(run.pk, even_if_not_due=True)
    run.refresh_from_db()
    return run.is_open and _position(run) != before


def _position(run: ActionRun) -> tuple[str, int, str, str]:
    delivery = delivery_of(run)
    looks = int(run.verification.get("looks", 0))
    return (run.status, looks, *((delivery.state, delivery.ticket) if delivery else ("", "")))
