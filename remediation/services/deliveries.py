"""The link between a run and the order that carries it out. A run gives at most one order, ever."""

import hashlib

from connectors.models import Delivery
from remediation.models import ActionRun

PREFIX = "run:"


def reference_of(run: ActionRun) -> str:
    return f"{PREFIX}{run.pk}"


def run_id_of(reference: str) -> int | None:
    """The run of a delivery's reference; None when the order is not ours."""
    number = reference.removeprefix(PREFIX)
    return int(number) if reference.startswith(PREFIX) and number.isdigit() else None


def key_of(run: ActionRun) -> str:
    """The idempotency key: the same for every attempt, another one after a restore of an older database."""
    told = f"{run.pk}|{run.argument_digest}|{run.created.isoformat()}"
    return hashlib.sha256(told.encode()).hexdigest()


def delivery_of(run: ActionRun) -> Delivery | None:
    return Delivery.objects.filter(reference=reference_of(run)).first()
