"""Moving one delivery one step. A claim is a lease: a worker that dies loses it, one that is late may not write."""

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from connectors.enums import FINAL_STATES, DeliveryState
from connectors.errors import ConnectorError
from connectors.models import Delivery, Halt
from connectors.ports import Connector
from connectors.registry import open_connection
from connectors.seal import seal_fits
from connectors.services.deliver import submit
from connectors.services.halt import LOOK_AGAIN_S, pass_gate
from connectors.services.poll import poll
from connectors.services.settle import Step, settle
from core import clock
from core.due import due, lapsed

# Longer than the longest call of a connector, which is bounded to 20 seconds.
LEASE = timedelta(seconds=30)
MISCONFIGURED_PAUSE_S = 60.0
# An order was asked about when it was given; one that leaves within this is not asked about again.
ASKED_JUST_NOW = timedelta(seconds=30)
STOPPED = "stopped"
# Answers code and reason when the order must not leave any more.
Asker = Callable[[Delivery], tuple[str, str] | None]
_askers: list[Asker] = []
NOT_OURS = "The order was not given by the portal, or was changed after it was given."


def step_delivery(delivery_id: int, *, even_if_not_due: bool = False) -> bool:
    """Take one step when the delivery is due and nobody else holds it. Answers whether a step was taken."""
    delivery = _claim(delivery_id, even_if_not_due=even_if_not_due)
    if delivery is None:
        return False
    if delivery.cancel_asked_at is not None and not delivery.ticket and not delivery.maybe_sent:
        return settle(delivery, Step(DeliveryState.CANCELLED, error="Cancelled before it left."))
    if not delivery.ticket and not seal_fits(delivery):
        ended = DeliveryState.TIMED_OUT if delivery.maybe_sent else DeliveryState.FAILED
        return settle(delivery, Step(ended, error_code="seal_broken", error=NOT_OURS))
    try:
        connector = open_connection(delivery.connection)
    except ConnectorError as error:
        return settle(delivery, Step(None, MISCONFIGURED_PAUSE_S, error_code=error.code, error=error.message))
    if delivery.ticket:
        poll(delivery, connector)
        return True
    return _hand_over(delivery, connector)


def ask_before_leaving(ask: Asker) -> None:
    """Have a later room asked about orders that waited; once, at `ready()`."""
    _askers.append(ask)


def _hand_over(delivery: Delivery, connector: Connector) -> bool:
    if no := _asked_anew(delivery):
        code, why = no
        return settle(delivery, Step(DeliveryState.FAILED, error_code=code, error=why))
    marked = _mark_sent(delivery)
    if isinstance(marked, Halt):
        return settle(delivery, Step(None, LOOK_AGAIN_S, error_code=STOPPED, error=f"Stop-all: {marked.reason}"))
    if marked:
        submit(delivery, connector)
    return marked


def _asked_anew(delivery: Delivery) -> tuple[str, str] | None:
    """Between the order and its leaving, a target may have been away for days, or everything was stopped: whoever
    wanted it may have lost the right since. What has perhaps left already is not called back by this."""
    waited = delivery.error_code == STOPPED or clock.now() - delivery.created > ASKED_JUST_NOW
    if delivery.maybe_sent or not waited:
        return None
    return next((no for ask in _askers if (no := ask(delivery)) is not None), None)


def due_deliveries(limit: int = 100) -> list[int]:
    """Ids of what should be looked at now."""
    rows = Delivery.objects.exclude(state__in=FINAL_STATES).filter(_is_free(), due("due"))
    return list(rows.order_by("due", "id").values_list("pk", flat=True)[:limit])


def _claim(delivery_id: int, *, even_if_not_due: bool) -> Delivery | None:
    when = Q() if even_if_not_due else due("due")
    with transaction.atomic():
        delivery = (
            Delivery.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("connection")
            .exclude(state__in=FINAL_STATES)
            .filter(when, _is_free(), pk=delivery_id)
            .first()
        )
        if delivery is None:
            return None
        delivery.leased_until = clock.real_now() + LEASE
        delivery.claim += 1
        delivery.save(update_fields=["leased_until", "claim"])
    return delivery


def _mark_sent(delivery: Delivery) -> bool | Halt:
    """Written before the call, so that a worker killed in the middle of it leaves the truth behind: perhaps sent. The
    halt that is in force when nothing may leave."""
    with transaction.atomic():
        halt = pass_gate()
        if halt is not None:
            return halt
        marked = Delivery.objects.filter(pk=delivery.pk, claim=delivery.claim, cancel_asked_at=delivery.cancel_asked_at)
        return bool(marked.update(maybe_sent=True))


def _is_free() -> Q:
    return Q(leased_until=None) | lapsed("leased_until")
