"""What the signer is told before it signs an order for a device: whether the decision behind it stands.

The order's own row, the delivery's and the run's may each have been written by somebody with a hand in the database;
the seals on delivery and run cannot have been."""

from connectors.models import Delivery
from connectors.ports import INDICATORS, TENANT
from remediation import policy
from remediation.catalog import get, is_known
from remediation.enums import Decision
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.deliveries import key_of, run_id_of
from remediation.services.enforce_indicators import PREFIX as INDICATOR_LISTS

_DECIDED = (Decision.APPROVED, Decision.NOT_REQUIRED)
No = tuple[str, str]


def decision_stands(delivery: Delivery) -> No | None:
    """None when it may be signed, else the code and the reason."""
    if delivery.action == INDICATORS:
        whole = delivery.reference.startswith(INDICATOR_LISTS) and delivery.remote_id == TENANT.remote_id
        return None if whole else ("no_run", "Nobody has decided on this change of the indicators.")
    run = ActionRun.objects.select_related("undoes", "parent").filter(pk=run_id_of(delivery.reference) or 0).first()
    if run is None:
        return "no_run", "No action of the portal stands behind this order."
    return _not_decided(run) or _differs(run, delivery)


def _not_decided(run: ActionRun) -> No | None:
    try:
        policy.check_seal(run)
    except Refused as refused:
        return refused.code, refused.message
    if run.decision not in _DECIDED:
        return "not_decided", f"{run.number} was not approved."
    needless = run.decision == Decision.NOT_REQUIRED and is_known(run.action)
    if needless and policy.needs_approval(get(run.action)) and not policy.is_rollback(run):
        return "seal_broken", "The run says that no approval is needed, the action says otherwise."
    if not run.is_open:
        return "ended", f"{run.number} has ended."
    return None


def _differs(run: ActionRun, delivery: Delivery) -> No | None:
    """The order must be the run's own, to the letter."""
    decided = (run.action, run.target_kind, run.remote_id, run.connection_id, run.arguments, key_of(run))
    ordered = (
        delivery.action, delivery.target_kind, delivery.remote_id, delivery.connection_id, delivery.arguments,
        delivery.idempotency_key,
    )  # fmt: skip
    return None if decided == ordered else ("another_order", f"The order is another one than {run.number} asked for.")
