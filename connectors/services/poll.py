"""Asking the remote side how an order stands. One question a step; nobody sleeps over it."""

from datetime import timedelta

from connectors.enums import FINAL_STATES, DeliveryState
from connectors.errors import ConnectorError, Retry
from connectors.models import Delivery
from connectors.ports import CancelAnswer, Connector, Report, Ticket
from connectors.services.settle import Step, poll_pause_s, settle
from core import clock

SILENT_PAUSE_S = 60.0
FORGOTTEN_AFTER = timedelta(days=1)


def poll(delivery: Delivery, connector: Connector) -> None:
    """One look at an order that was handed over."""
    ticket = Ticket(delivery.ticket)
    if delivery.cancel_asked_at is not None:
        settle(delivery, _cancel(delivery, connector, ticket))
        return
    try:
        report = connector.poll(ticket, delivery.cursor)
    except ConnectorError as error:
        settle(delivery, _after_error(delivery, error))
        return
    settle(delivery, _after_report(delivery, report))


def _cancel(delivery: Delivery, connector: Connector, ticket: Ticket) -> Step:
    try:
        answer = connector.cancel(ticket)
    except ConnectorError as error:
        return Step(None, due_in_s=poll_pause_s(delivery), error_code=error.code, error=error.message)
    if answer == CancelAnswer.ACCEPTED:
        return Step(DeliveryState.CANCELLED, error_code="", error="Cancelled by the remote side.")
    told = "It was too late to cancel." if answer == CancelAnswer.TOO_LATE else "The remote side cannot cancel this."
    return Step(None, forget_cancel=True, line=told)


def _after_report(delivery: Delivery, report: Report) -> Step:
    pause = poll_pause_s(delivery) if report.poll_after_s is None else report.poll_after_s
    if report.state in FINAL_STATES:
        return Step(report.state, report=report)
    if not report.moving and _is_late(delivery, report.state):
        return _silence(
            delivery, "No result in time; the remote side still says " + report.state.label.lower() + ".", report
        )
    return Step(report.state, due_in_s=pause, report=report)


def _after_error(delivery: Delivery, error: ConnectorError) -> Step:
    """A failed look says nothing about the order itself."""
    if error.retry == Retry.NEVER or _is_late(delivery, DeliveryState(delivery.state)):
        return _silence(delivery, error.message, None, error.code)
    pause = error.retry_after_s if error.retry_after_s is not None else max(1.0, poll_pause_s(delivery))
    return Step(None, due_in_s=pause, error_code=error.code, error=error.message)


def _silence(delivery: Delivery, message: str, report: Report | None, code: str = "late") -> Step:
    """Unknown, and asked about seldom; after a day it is given up."""
    since = delivery.started_at or delivery.delivered_at or delivery.created
    if clock.now() - since > FORGOTTEN_AFTER + timedelta(seconds=delivery.start_s + delivery.run_s):
        return Step(DeliveryState.TIMED_OUT, error_code="given_up", error=message)
    return Step(
        DeliveryState.UNKNOWN,
        due_in_s=SILENT_PAUSE_S,
        error_code=code,
        error=message,
        report=None if report is None else report,
    )


def _is_late(delivery: Delivery, state: DeliveryState) -> bool:
    """Whether it should have started, or ended, by now."""
    now = clock.now()
    if state == DeliveryState.STARTED or delivery.started_at is not None:
        since = delivery.started_at
        return since is not None and now - since > timedelta(seconds=delivery.run_s)
    return delivery.delivered_at is not None and now - delivery.delivered_at > timedelta(seconds=delivery.start_s)
