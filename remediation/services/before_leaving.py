"""An order that waited is asked about once more before it leaves: the rules of its execution, as they answer now."""

from connectors.models import Delivery
from remediation import policy
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.deliveries import run_id_of
from remediation.services.outcome import EXECUTOR
from remediation.services.refusals import Subject, record_refusal


def ask_anew(delivery: Delivery) -> tuple[str, str] | None:
    """Why the order of a run must not leave any more; None when it may, or is no order of a run."""
    runs = ActionRun.objects.select_related("incident", "undoes", "parent")
    run = runs.filter(pk=run_id_of(delivery.reference) or 0).first()
    if run is None:
        return None
    try:
        policy.enforce_anew(policy.of_execution(run))
    except Refused as refusal:
        record_refusal(refusal, stage="execution", subject=Subject.of_run(run), actor=EXECUTOR)
        return refusal.code, refusal.message
    return None
