"""Sending wishes to connections and reading back what is there: one order at a time for each connection.

The rows say what is wanted; an order carries up to 500 of them. What the connection's list shows afterwards decides,
not what it reports. A list that somebody changed there is found by looking now and then, and mended.
"""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import F, Min

from accounts.models import User
from connectors.enums import FINAL_STATES, DeliveryState
from connectors.models import Connection, Delivery
from connectors.ports import INDICATORS, INDICATORS_AT_ONCE, TENANT
from connectors.services.deliver import Order, order_delivery
from connectors.services.observe import observe
from connectors.services.step import step_delivery
from core import audit, clock, jobs
from core.actors import Actor
from remediation.models import Indicator, IndicatorEnforcement
from remediation.models.indicator import ABSENT, HELD
from remediation.services.indicator_hits import read_hits
from remediation.services.raise_alerts import raise_due
from remediation.services.set_indicator import announce, check_may_manage
from remediation.services.want_indicators import TASK, enforcing_connections, entry_of, want_everywhere

PREFIX = "indicators:"
ENFORCER = Actor.system("indicators")
LOOK_AGAIN = timedelta(minutes=10)
_ENOUGH = FINAL_STATES | {DeliveryState.UNKNOWN}
_BACK_OFF_S = (5, 30, 120, 600, 3_600)


def enforce_all() -> None:
    """The sweep: connections that are new, orders that ended unheard, wishes that are due, lists not read for long, and
    what was met of them."""
    _want_on_new_connections()
    for connection in enforcing_connections():
        _settle_open_order(connection)
        if _needs_a_look(connection):
            look(connection)
        if IndicatorEnforcement.objects.filter(connection=connection).exists():
            read_hits(connection)
        send(connection)
    raise_due()


def enforce_now(connection: Connection, *, rounds: int = 12) -> None:
    """Send, carry out and read back in this process: for playing history under an injected clock, and for tests."""
    for _ in range(rounds):
        delivery = send(connection) or _open_order(connection)
        if delivery is None:
            return
        step_delivery(delivery.pk, even_if_not_due=True)
        _settle_open_order(connection)


def delivery_changed(*, delivery_id: int, reference: str) -> None:
    """Listener of `delivery.changed`."""
    if not reference.startswith(PREFIX):
        return
    delivery = Delivery.objects.select_related("connection").filter(pk=delivery_id, state__in=_ENOUGH).first()
    if delivery is not None:
        take_over(delivery)
        send(delivery.connection)


def send(connection: Connection) -> Delivery | None:
    """Give the next order, unless one is under way or nothing is due."""
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=connection.pk)
        if _open_order(connection) is not None:
            return None
        due = IndicatorEnforcement.objects.to_send().filter(connection=connection).select_for_update(of=("self",))
        rows = list(due.select_related("indicator").order_by("next_try_at", "pk")[:INDICATORS_AT_ONCE])
        if not rows:
            return None
        delivery = order_delivery(_order(connection, rows))
        for row in rows:
            row.delivery_id, row.attempts = delivery.pk, row.attempts + 1
        IndicatorEnforcement.objects.bulk_update(rows, ["delivery_id", "attempts"], batch_size=500)
    return delivery


def _order(connection: Connection, rows: list[IndicatorEnforcement]) -> Order:
    gone = [row.indicator for row in rows if row.desired == ABSENT]
    named_anew = _named_anew(connection, [one.key for one in gone])
    told = "|".join(f"{row.pk}.{row.generation}.{row.attempts}" for row in rows)
    return Order(
        reference=f"{PREFIX}{connection.pk}",
        key=sha256(f"{connection.pk}|{told}".encode()).hexdigest(),
        connection=connection,
        action=INDICATORS,
        target=TENANT,
        arguments={
            "set": [entry_of(row.indicator) for row in rows if row.desired != ABSENT],
            "remove": [one.remote_key for one in gone if one.remote_key not in named_anew],
        },
        reason="Indicators brought in line.",
        start_s=600,
        run_s=600,
    )


def _named_anew(connection: Connection, keys: list[str]) -> set[str]:
    """Of the values of withdrawn indicators those that a newer one names: they are its own from now on."""
    rows = IndicatorEnforcement.objects.filter(connection=connection, indicator__key__in=keys).exclude(desired=ABSENT)
    return {row.indicator.remote_key for row in rows.select_related("indicator")}


def take_over(delivery: Delivery) -> None:
    """Read the list back and close the order's rows; told twice it does the same as told once."""
    rows = IndicatorEnforcement.objects.filter(delivery_id=delivery.pk)
    if rows.exists():
        look(delivery.connection)
        with transaction.atomic():
            for row in rows.select_for_update():
                row.delivery_id = None
                row.error = (
                    "" if row.is_as_wanted else (delivery.error or "The connection's list shows something else.")
                )
                pause = 0 if row.is_as_wanted else _BACK_OFF_S[min(row.attempts, len(_BACK_OFF_S)) - 1]
                row.next_try_at = clock.now() + timedelta(seconds=pause)
                row.error = row.error[:300]
                row.save(update_fields=["delivery_id", "error", "next_try_at"])


def hold_indicators(*, actor: Actor, reason: str) -> int:
    """After a restore: the real portal may have changed or removed any of them since the backup, so nothing is sent
    before a person says so, indicator by indicator. Answers how many rows are held."""
    with transaction.atomic():
        held = IndicatorEnforcement.objects.update(delivery_id=None, next_try_at=HELD, error=reason[:300])
        if held:
            audit.record("indicators.held", subject="indicators:all", actor=actor, reason=reason, data={"rows": held})
    return held


def send_again(indicator: Indicator, *, actor: Actor, reason: str, user: User) -> int:
    """A person says that the wish stands: it is sent to every connection that does not show it. Raises `Refused`."""
    check_may_manage(user, indicator.device_group_ids)
    with transaction.atomic():
        rows = IndicatorEnforcement.objects.select_for_update().filter(indicator=indicator, delivery_id=None)
        count = rows.update(next_try_at=clock.now(), attempts=0, generation=F("generation") + 1, error="")
        audit.record("indicator.sent_again", subject=f"indicator:{indicator.pk}", thread=indicator.thread, actor=actor,
                     reason=reason, data={"connections": count})  # fmt: skip
        jobs.wake(TASK)
    return count


def look(connection: Connection) -> bool:
    """Read the connection's whole list and keep what is there; answers whether it could be read."""
    observed = observe(connection, TENANT, "indicators")
    if not observed.known:
        return False
    there: Mapping[str, Any] = observed.evidence.get("indicators", {})
    changed: set[int] = set()
    with transaction.atomic():
        rows = list(
            IndicatorEnforcement.objects.filter(connection=connection)
            .select_for_update(of=("self",))
            .select_related("indicator")
        )
        wanted = {row.indicator.remote_key for row in rows if row.desired != ABSENT}
        for row in rows:
            another_s = row.desired == ABSENT and row.indicator.remote_key in wanted
            entry = {} if another_s else there.get(row.indicator.remote_key) or {}
            seen = (str(entry.get("action", ABSENT))[:20], str(entry.get("digest", ""))[:32])
            if seen != (row.observed, row.observed_digest):
                _record(row, seen[0])
                changed.add(row.indicator_id)
                if row.is_as_wanted and row.observed_at is not None and not row.is_held:
                    _want_again(row)
            row.observed, row.observed_digest = seen
            row.observed_at = observed.at or clock.now()
        columns = ["observed", "observed_digest", "observed_at", "generation", "attempts", "next_try_at", "error"]
        IndicatorEnforcement.objects.bulk_update(rows, columns, batch_size=500)
    for indicator in Indicator.objects.filter(pk__in=changed):
        announce(indicator)
    return True


def _want_again(row: IndicatorEnforcement) -> None:
    """It was as wanted and is so no more: the same wish, as a new order."""
    row.generation, row.attempts, row.next_try_at = row.generation + 1, 0, clock.now()
    row.error = "It was changed at the connection."


def _record(row: IndicatorEnforcement, seen: str) -> None:
    audit.record(
        "indicator.observed",
        subject=f"indicator:{row.indicator_id}",
        thread=row.indicator.thread,
        actor=ENFORCER,
        changes={"observed": (row.observed, seen)},
        data={"connection": row.connection_id, "desired": row.desired},
    )


def _open_order(connection: Connection) -> Delivery | None:
    found = Delivery.objects.filter(connection=connection, reference=f"{PREFIX}{connection.pk}")
    return found.exclude(state__in=_ENOUGH).first()


def _settle_open_order(connection: Connection) -> None:
    """Orders that have ended and whose word got lost."""
    waiting = IndicatorEnforcement.objects.filter(connection=connection).exclude(delivery_id=None)
    ids = waiting.values_list("delivery_id", flat=True).distinct()
    for delivery in Delivery.objects.filter(pk__in=list(ids), state__in=_ENOUGH).select_related("connection"):
        take_over(delivery)


def _needs_a_look(connection: Connection) -> bool:
    rows = IndicatorEnforcement.objects.filter(connection=connection, delivery_id=None).exclude(observed_at=None)
    oldest = rows.aggregate(oldest=Min("observed_at"))["oldest"]
    return oldest is not None and oldest < clock.now() - LOOK_AGAIN


def _want_on_new_connections() -> None:
    for connection in enforcing_connections():
        lacking = Indicator.objects.active().exclude(enforcements__connection=connection)
        if connection.exercise:
            lacking = lacking.filter(exercise__in=["", connection.exercise])
        else:
            lacking = lacking.filter(exercise="")
        found = list(lacking.order_by("pk")[:INDICATORS_AT_ONCE])
        if found:
            with transaction.atomic():
                want_everywhere(found)
