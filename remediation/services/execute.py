"""Carrying a decided run out: one step at a time, each claimed by one worker."""

from django.db import transaction

from connectors.enums import FINAL_STATES, DeliveryState
from connectors.services.cancel import cancel_delivery
from connectors.services.deliver import Order, order_delivery
from connectors.services.halt import LOOK_AGAIN_S
from connectors.targets import Target as RemoteTarget
from core import clock
from remediation import policy
from remediation.catalog import get
from remediation.enums import LogLevel, RunStatus
from remediation.lifecycle import announce_run
from remediation.models import ActionRun
from remediation.policy import Bound, Target
from remediation.refused import Refused
from remediation.services.claims import SAFETY, claim_run, look_again, still_claimed
from remediation.services.control import facet_of, set_desired
from remediation.services.deliveries import delivery_of, key_of, reference_of
from remediation.services.notes import note
from remediation.services.outcome import EXECUTOR, end_run
from remediation.services.portal_facts import write_fact
from remediation.services.quarantined import without_given_back
from remediation.services.refusals import Subject, record_refusal
from remediation.services.report import take_over
from remediation.services.verify import verify

ENOUGH = FINAL_STATES | {DeliveryState.UNKNOWN}


def advance_run(run_id: int, *, even_if_not_due: bool = False) -> bool:
    """Take the next step of one run when it is due. Answers whether a step was taken."""
    run = claim_run(run_id, even_if_not_due=even_if_not_due)
    if run is None:
        return False
    delivery = delivery_of(run)
    if delivery is None:
        _start(run)
    elif delivery.state in ENOUGH:
        verify(run, delivery)
    else:
        with transaction.atomic():
            held = still_claimed(run)
            if held is not None:
                take_over(held, delivery)
                look_again(held, SAFETY.total_seconds())
    return True


def _start(run: ActionRun) -> None:
    """Everything is asked once more, then the order is given; both in one transaction."""
    with transaction.atomic():
        held = still_claimed(run)
        if held is None or held.status != RunStatus.QUEUED:
            return
        try:
            told = policy.enforce(policy.of_execution(held))
        except Refused as refusal:
            record_refusal(refusal, stage="execution", subject=Subject.of_run(held), actor=EXECUTOR)
            refused = {"refused": refusal.code}
            end_run(held, status=RunStatus.FAILED, detail=refusal.message, actor=EXECUTOR, result=refused)
            return
        if "stopped" in told and told["stopped"].waits:
            _hold_back(held, told["stopped"].says)
            return
        target, bound = told["reach"].value.target, told["reach"].value.bound
        if bound is None:
            write_fact(held, target)
            return
        _call_off_unknown(held)
        _order(held, target, bound)
        set_desired(held, actor=EXECUTOR, target=target)
        look_again(held, SAFETY.total_seconds())


def _hold_back(run: ActionRun, why: str) -> None:
    """Everything is stopped: the run stays where it is and is asked anew when somebody resumes."""
    ActionRun.objects.filter(pk=run.pk).update(status_detail=why[:500])
    note(run, why, origin=f"stopped-{why[:60]}", level=LogLevel.WARNING)
    look_again(run, LOOK_AGAIN_S)
    announce_run(run)


def _call_off_unknown(run: ActionRun) -> None:
    """An older run of unknown outcome may still come to life; the newer wish wins, so it is asked to stop."""
    older = ActionRun.objects.filter(**facet_of(run), status=RunStatus.UNKNOWN, pk__lt=run.pk).order_by("-pk")[:5]
    for one in older:
        delivery = delivery_of(one)
        if delivery is not None and delivery.state not in FINAL_STATES and delivery.cancel_asked_at is None:
            cancel_delivery(delivery, actor=EXECUTOR)
            note(one, f"{run.number} is newer: the remote side is asked to stop.", origin=f"newer-{run.pk}")


def _order(run: ActionRun, target: Target, bound: Bound) -> None:
    run.ordered = clock.now()
    ActionRun.objects.filter(pk=run.pk).update(ordered=run.ordered)
    limits, remote = get(run.action).limits, bound.capability.limits
    order_delivery(
        Order(
            reference=reference_of(run),
            key=key_of(run),
            connection=bound.connection,
            action=run.action,
            target=RemoteTarget(run.target_kind, run.remote_id, str(target)),
            arguments=run.arguments,
            reason=run.comment,
            reverses=without_given_back(run.undoes) if run.undoes else {},
            queue_s=min(limits.queue_s, remote.queue_s),
            start_s=min(limits.start_s, remote.start_s),
            run_s=min(limits.run_s, remote.run_s),
        )
    )
    note(run, f"Order given to {bound.connection}.", origin="order")
