"""What a device tells with each poll, and what it is told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from connectors.enums import OPEN_ORDERS, AgentState, OrderKind, OrderState
from connectors.lifecycle import ORDER_STATE
from connectors.models import Agent, AgentOrder, SignedList, WantedState
from connectors.services.agents.announce import announce
from connectors.services.agents.decide import decide_agent
from connectors.services.agents.hits import keep_hits
from connectors.services.agents.inventory import bounded, bounded_inventory, name_in
from connectors.services.agents.orders import LINE, end_order, tell, told_of
from connectors.services.agents.reached import outcome_of
from connectors.services.agents.secret_words import with_sealed_password
from connectors.services.agents.wanted_files import is_moving
from connectors.services.deliver import target_seen
from connectors.signing.keys import NoKeys, key_list, list_version
from core import audit, clock, outbox
from core.actors import Actor

# What was handed over and not answered is handed over again after so long; at once when the device says that the answer
# was lost on its way.
HAND_AGAIN = timedelta(seconds=30)
AT_ONCE = 50
AFTER_RUN = timedelta(minutes=1)
OFFBOARD = "device.offboard"
MAX_PROGRESS = 400
MAX_LINE = 1_000
AWAY_AFTER = timedelta(seconds=150)
_OUTCOMES = {
    "succeeded": OrderState.SUCCEEDED, "partially_succeeded": OrderState.PARTIALLY_SUCCEEDED,
    "failed": OrderState.FAILED, "refused": OrderState.FAILED, "timed_out": OrderState.TIMED_OUT,
    "cancelled": OrderState.CANCELLED, "expired": OrderState.EXPIRED, "unknown": OrderState.UNKNOWN,
}  # fmt: skip
_KEPT = ("version", "generation", "observed", "keys_version", "capabilities", "journal_depth", "health", "boot",
         "waiting")  # fmt: skip
# The device has no room to note it, so it did not begin it; it does when it comes again and there is room.
NO_ROOM = "no_room"


@dataclass(frozen=True, slots=True)
class Work:
    """What a poll is answered with."""

    commands: list[dict[str, Any]]
    desired: dict[str, Any] | None
    indicators: str
    cancel: list[str]
    keys: dict[str, Any] | None


def take_status(agent_id: int, *, told: Mapping[str, Any], inventory: Mapping[str, Any] | None, actor: Actor) -> None:
    """Keep the heartbeat. A device that was away wakes what waits for it; one that obeys a newer wanted state than we
    know of is marked, and somebody is asked."""
    status = {name: bounded(told[name], most=5_000) for name in _KEPT if name in told}
    generation = _number(told.get("generation"))
    now = clock.real_now()
    with transaction.atomic():
        rows = Agent.objects.select_for_update(of=("self",)).select_related("connection").defer("inventory")
        agent = rows.get(pk=agent_id)
        away = agent.seen_at is None or now - agent.seen_at > AWAY_AFTER
        signed = WantedState.objects.filter(agent=agent).values_list("generation", flat=True).first() or 0
        if generation > signed and not agent.ahead:
            agent.ahead = True
            audit.record("agent.ahead", subject=agent.thread, thread=agent.thread, actor=actor,
                         data={"device": generation, "portal": signed})  # fmt: skip
            outbox.publish("agent.changed", agent_id=agent.pk)
        _note_waiting(agent, status.get("waiting"))
        agent.status, agent.status_at, agent.seen_at, agent.generation = status, now, now, generation
        agent.version = str(status.get("version", ""))[:40]
        agent.silent_since = None
        columns = ["status", "status_at", "seen_at", "generation", "ahead", "version", "silent_since"]
        if inventory is not None:
            agent.inventory, agent.inventory_at = bounded_inventory(inventory), now
            agent.name = name_in(agent.inventory)
            columns += ["inventory", "inventory_at", "name"]
        agent.save(update_fields=columns)
        _settle_states(agent, generation)
        keep_hits(agent, status["observed"] if isinstance(status.get("observed"), dict) else {})
        if away:
            target_seen(agent.connection, agent.device_id)
        outbox.publish("agent.told", agent_id=agent.pk, inventory=inventory is not None)
        announce(agent)


def _note_waiting(agent: Agent, told: object) -> None:
    """Orders that the device cannot begin for now say why until it no longer says so."""
    listed = told if isinstance(told, list) else []
    if not listed and not agent.status.get("waiting"):
        return
    why = {str(one.get("id")): str(one.get("detail", ""))[:500] for one in listed[:AT_ONCE] if isinstance(one, dict)}
    open_orders = AgentOrder.objects.filter(agent=agent, kind=OrderKind.COMMAND, state=OrderState.HANDED)
    open_orders.filter(error_code=NO_ROOM).exclude(key__in=why).update(error_code="", error="")
    for order in open_orders.filter(key__in=why):
        AgentOrder.objects.filter(pk=order.pk).update(error_code=NO_ROOM, error=why[order.key])
        tell(order)


def note_seen(seen: Mapping[int, tuple[datetime, int]]) -> None:
    """Of many agents at once: when each was heard last and with which number."""
    if not seen:
        return
    ids = sorted(seen)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE connectors_agent a SET seen_at = v.at, sequence = greatest(a.sequence, v.seq), silent_since = NULL "
            "FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[]) AS v(id, at, seq) WHERE a.id = v.id",
            [ids, [seen[pk][0] for pk in ids], [seen[pk][1] for pk in ids]],
        )


def alarm_of_clone(agent_id: int, *, told: int, known: int, actor: Actor) -> None:
    """The numbers of an agent's requests went back: two machines use its key, or an old disk came back to life."""
    with transaction.atomic():
        if Agent.objects.filter(pk=agent_id, cloned_at=None).update(cloned_at=clock.real_now()):
            audit.record("agent.cloned", subject=f"agent:{agent_id}", thread=f"agent:{agent_id}", actor=actor,
                         data={"told": told, "known": known})  # fmt: skip
            outbox.publish("agent.changed", agent_id=agent_id)
            announce(Agent.objects.get(pk=agent_id))


def take_results(agent_id: int, results: Iterable[Any]) -> list[str]:
    """Write the outcomes down that are of this agent's own orders; the ids that it need not tell again. An id that is
    not known here is acknowledged too, or it would be told for ever."""
    taken = []
    for one in list(results)[:AT_ONCE]:
        if not isinstance(one, dict) or not isinstance(one.get("id"), str):
            continue
        taken.append(one["id"][:80])
        with transaction.atomic():
            order = AgentOrder.objects.select_for_update(of=("self",)).filter(agent_id=agent_id, key=one["id"]).first()
            if order is not None and order.kind == OrderKind.COMMAND:
                _take_result(order, one)
    return taken


def _take_result(order: AgentOrder, told: Mapping[str, Any]) -> None:
    state = _OUTCOMES.get(str(told.get("state")))
    if state is None or not ORDER_STATE.allows(order.state, state):
        return
    result = bounded(told.get("result"), most=5_000)
    result = with_sealed_password(result) if isinstance(result, dict) else {}
    end_order(order, state, result=result, code=str(result.get("code", "")), error=str(result.get("detail", "")),
              began_at=_moment(told.get("began")))  # fmt: skip
    if order.action == OFFBOARD and state in {OrderState.SUCCEEDED, OrderState.PARTIALLY_SUCCEEDED} and order.agent:
        decide_agent(order.agent, to=AgentState.OFFBOARDED, actor=LINE, reason="The device answered that it has left.")


def take_progress(agent_id: int, told: Mapping[str, Any]) -> None:
    """Lines of a command that is under way; what is told twice is kept once, and only so many are kept."""
    lines, number = told.get("lines"), _number(told.get("seq"))
    with transaction.atomic():
        order = (
            AgentOrder.objects.select_for_update(of=("self",))
            .filter(agent_id=agent_id, key=str(told.get("id"))[:80], state=OrderState.HANDED)
            .first()
        )
        if order is None or (order.progress and order.progress[-1]["seq"] >= number):
            return
        fresh = [str(bounded(line))[:MAX_LINE] for line in lines[:100]] if isinstance(lines, list) else []
        entry = {"seq": number, "at": clock.real_now().isoformat(), "lines": fresh}
        order.progress = [*order.progress, entry][-MAX_PROGRESS:]
        percent = _number(told.get("percent"))
        order.percent = min(100, percent) if told.get("percent") is not None else order.percent
        order.save(update_fields=["progress", "percent"])
        tell(order)


def work_for(
    agent_id: int, *, generation: int, keys_version: int, lost: Sequence[int] = (), number: int | None = None
) -> Work:
    """What the device has not got yet. Handing over is noted in the same transaction as reading: `number` is of the
    poll that is answered, `lost` are those of which the device knows that their answers never came."""
    now = clock.real_now()
    with transaction.atomic():
        again = Q(state=OrderState.HANDED) & (Q(handed_at__lt=now - HAND_AGAIN) | Q(handed_in__in=lost))
        waiting = AgentOrder.objects.filter(
            Q(state=OrderState.READY) | again, agent_id=agent_id, kind=OrderKind.COMMAND
        ).select_for_update(skip_locked=True)
        commands = [_hand_over(order, number) for order in waiting.order_by("pk")[:AT_ONCE] if not _is_over(order)]
        cancel = list(
            AgentOrder.objects.filter(agent_id=agent_id, state=OrderState.HANDED)
            .exclude(cancel_asked_at=None)
            .values_list("key", flat=True)
        )
        wanted = WantedState.objects.filter(agent_id=agent_id, generation__gt=generation, agent__ahead=False).first()
        if wanted is not None:
            _states_handed(agent_id)
    digest = SignedList.objects.filter(connection__agents=agent_id).values_list("digest", flat=True).first()
    return Work(commands, wanted.envelope if wanted and wanted.envelope else None, digest or "", cancel,
                _newer_keys(keys_version))  # fmt: skip


_ANYTHING = """
    SELECT EXISTS (
        SELECT FROM connectors_agentorder o WHERE o.agent_id = a.id AND o.kind = 'command' AND (
            o.state = 'ready' OR (o.state = 'handed' AND (
                o.handed_at < %s OR o.handed_in = ANY(%s) OR o.cancel_asked_at IS NOT NULL)))
    ), CASE WHEN a.ahead THEN 0 ELSE coalesce(w.generation, 0) END, coalesce(l.digest, '')
    FROM connectors_agent a LEFT JOIN connectors_wantedstate w ON w.agent_id = a.id
    LEFT JOIN connectors_signedlist l ON l.connection_id = a.connection_id WHERE a.id = %s"""


def anything_for(agent_id: int, *, generation: int, keys_version: int, digest: str, lost: Sequence[int] = ()) -> bool:
    """Whether `work_for` would find something, in one statement: asked for every poll of every device."""
    with connection.cursor() as cursor:
        cursor.execute(_ANYTHING, [clock.real_now() - HAND_AGAIN, list(lost), agent_id])
        row = cursor.fetchone()
    return row is not None and (
        row[0] or row[1] > generation or row[2] != digest or _newer_keys(keys_version) is not None
    )


def _is_over(order: AgentOrder) -> bool:
    """A command that nobody took in its time; one that was handed over may have been begun."""
    begun = order.state == OrderState.HANDED and order.error_code != NO_ROOM
    if begun and is_moving(order):
        return False
    # What was begun in its time has the time that it may take.
    longest = timedelta(seconds=order.run_s) + AFTER_RUN if begun else timedelta()
    if clock.real_now() < order.expires + longest:
        return False
    if order.error_code == NO_ROOM:
        end_order(order, OrderState.EXPIRED, code=NO_ROOM, error=f"It was never begun. {order.error}")
        return True
    state = OrderState.EXPIRED if order.state == OrderState.READY else OrderState.UNKNOWN
    end_order(order, state, code="expired", error="The device did not answer in time.")
    return True


def _hand_over(order: AgentOrder, number: int | None) -> dict[str, Any]:
    now: dict[str, Any] = {"handed_at": clock.real_now(), "handed_in": number}
    if order.state == OrderState.READY:
        ORDER_STATE.move(order, OrderState.HANDED, actor=LINE, thread=told_of(order), **now)
        tell(order)
    else:
        AgentOrder.objects.filter(pk=order.pk).update(**now)
    envelope: dict[str, Any] = order.envelope
    return envelope


def _states_handed(agent_id: int) -> None:
    ready = AgentOrder.objects.filter(agent_id=agent_id, kind=OrderKind.STATE, state=OrderState.READY)
    for order in ready.select_for_update():
        ORDER_STATE.move(order, OrderState.HANDED, actor=LINE, thread=told_of(order), handed_at=clock.real_now())
        tell(order)


def _settle_states(agent: Agent, generation: int) -> None:
    """Orders about the wanted state that the device says it has reached, or cannot reach."""
    observed = agent.status.get("observed")
    observed = observed if isinstance(observed, dict) else {}
    open_states = AgentOrder.objects.filter(
        agent=agent, kind=OrderKind.STATE, state__in=OPEN_ORDERS, generation__lte=generation
    )
    for order in open_states.select_for_update():
        seen = observed.get(order.facet)
        if not isinstance(seen, dict):
            continue
        if order.state == OrderState.READY:
            ORDER_STATE.move(order, OrderState.HANDED, actor=LINE, thread=told_of(order), handed_at=clock.real_now())
        outcome = outcome_of(order, seen)
        if outcome.state is not None:
            end_order(order, outcome.state, result={"observed": seen}, began_at=clock.real_now(), code=outcome.code,
                      error=outcome.detail)  # fmt: skip
        elif clock.real_now() >= order.expires:
            end_order(order, OrderState.FAILED, result={"observed": seen}, code="not_reached",
                      error=str(seen.get("detail") or "The device could not reach it."))  # fmt: skip


def _newer_keys(version: int) -> dict[str, Any] | None:
    try:
        return key_list() if list_version() > version else None
    except NoKeys:
        return None


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**34:
        return None
    return datetime.fromtimestamp(value, UTC)


def is_connected(agent: Agent) -> bool:
    """Whether it was heard of late."""
    return agent.state == AgentState.APPROVED and agent.seen_at is not None and (
        clock.real_now() - agent.seen_at <= AWAY_AFTER
    )  # fmt: skip
