"""Giving an order to a connection: stored first, handed over by a worker, the same order however often it is tried."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction

from connectors.enums import DeliveryState
from connectors.errors import ConnectorError, Retry
from connectors.models import Connection, Delivery
from connectors.ports import Connector, Request
from connectors.receipts import Receipt
from connectors.seal import seal_of
from connectors.services.settle import Step, poll_pause_s, settle
from connectors.targets import Target
from core import clock, jobs, outbox

LONGEST_PAUSE_S = 300.0
OFFLINE_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to do to which remote object. `reference` is the caller's own word, `key` makes repeats the same order,
    `reverses` is the receipt of what it takes back. Seconds: waiting for the target, until start, until end."""

    reference: str
    key: str
    connection: Connection
    action: str
    target: Target
    arguments: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    reverses: Mapping[str, Any] = field(default_factory=dict)
    queue_s: int = 259_200
    start_s: int = 3_600
    run_s: int = 3_600


def order_delivery(order: Order) -> Delivery:
    """Store the order and wake a worker. A second call with the same key answers the first one's delivery."""
    values: dict[str, Any] = {
        "reference": order.reference,
        "connection": order.connection,
        "action": order.action,
        "target_kind": order.target.kind,
        "remote_id": order.target.remote_id,
        "target_name": order.target.name[:320],
        "arguments": dict(order.arguments),
        "reason": order.reason,
        "reverses": dict(order.reverses),
        "give_up_at": clock.now() + timedelta(seconds=order.queue_s),
        "start_s": order.start_s,
        "run_s": order.run_s,
    }
    seal = seal_of(Delivery(idempotency_key=order.key, **values))
    with transaction.atomic():
        delivery, created = Delivery.objects.get_or_create(idempotency_key=order.key, defaults={**values, "seal": seal})
        if created:
            jobs.enqueue("connectors.tasks.step_delivery", delivery.pk)
    return delivery


def request_of(delivery: Delivery) -> Request:
    return Request(
        key=delivery.idempotency_key,
        action=delivery.action,
        target=target_of(delivery),
        arguments=delivery.arguments,
        reason=delivery.reason,
        not_after=delivery.give_up_at,
    )


def target_of(delivery: Delivery) -> Target:
    return Target(delivery.target_kind, delivery.remote_id, delivery.target_name)


def submit(delivery: Delivery, connector: Connector) -> None:
    """One attempt to hand the order over. The row says already that it may have been sent."""
    if clock.now() >= delivery.give_up_at:
        settle(
            delivery,
            Step(
                DeliveryState.EXPIRED,
                error_code="expired",
                error=f"The target was not reached in time. {delivery.error}",
                maybe_sent=False,
            ),
        )
        return
    request = request_of(delivery)
    try:
        if delivery.reverses:
            ticket = connector.undo(request, Receipt.from_json(delivery.reverses))
        else:
            ticket = connector.submit(request)
    except ConnectorError as error:
        settle(delivery, _after_error(delivery, error))
        return
    pause = poll_pause_s(delivery) if ticket.poll_after_s is None else ticket.poll_after_s
    settle(delivery, Step(DeliveryState.DELIVERED, due_in_s=pause, ticket=ticket.id, error_code="", error=""))


def _after_error(delivery: Delivery, error: ConnectorError) -> Step:
    attempts = delivery.attempts + 1
    told: dict[str, Any] = {"error_code": error.code, "error": error.message, "attempts": attempts}
    if error.retry == Retry.NEVER:
        return Step(DeliveryState.FAILED, maybe_sent=False, **told)
    pause = error.retry_after_s if error.retry_after_s is not None else _back_off_s(attempts, error.retry)
    return Step(None, due_in_s=pause, maybe_sent=error.retry == Retry.ASK, **told)


def _back_off_s(attempts: int, retry: Retry) -> float:
    longest = OFFLINE_PAUSE_S if retry == Retry.WHEN_SEEN else LONGEST_PAUSE_S
    return min(longest, 0.5 * 2.0 ** min(attempts, 12)) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter


def target_seen(connection: Connection, remote_id: str) -> int:
    """The target has shown up: what waits for it is tried at once. Returns how many orders."""
    with transaction.atomic():
        waiting = Delivery.objects.filter(
            connection=connection, remote_id=remote_id, state=DeliveryState.QUEUED, leased_until=None
        )
        ids = list(waiting.values_list("pk", flat=True))
        Delivery.objects.filter(pk__in=ids).update(due=clock.real_now())
        for pk in ids:
            jobs.enqueue("connectors.tasks.step_delivery", pk)
        outbox.publish("target.seen", connection_id=connection.pk, remote_id=remote_id)
    return len(ids)
