"""Signing what waits: each order is asked about anew, made of what its giver sealed, and signed for one device."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from connectors.enums import AgentState, OrderKind, OrderState
from connectors.lifecycle import ORDER_STATE
from connectors.models import Agent, AgentOrder, SignedList, WantedState
from connectors.services.agents.orders import SIGN, end_order, told_of
from connectors.services.agents.wake import wake_agent, wake_all
from connectors.signing.envelope import COMMAND, DESIRED, INDICATOR_LIST, RELEASE, NotSigned, digest_of, opened, seal
from connectors.signing.keys import SignerFolder, known_keys, signing_key
from connectors.signing.vouching import NotVouched, Wish, wish_behind
from core import clock, jobs
from core.actors import Actor

logger = logging.getLogger(__name__)
SIGNER = Actor.system("signer")
# Clocks of devices may be a little ahead.
EARLIER_S = 60.0
INDICATORS_FACET = "indicators"


def sign_waiting(limit: int = 500) -> int:
    """Sign what waits, the oldest first; answers how many were looked at. Raises `NoKeys` in a process without keys."""
    key = signing_key(SignerFolder.of_settings())
    ids = list(AgentOrder.objects.to_sign().values_list("pk", flat=True)[:limit])
    for pk in ids:
        try:
            _sign_one(pk, key)
        except Exception:
            logger.exception("order %s could not be signed", pk)
    return len(ids) or tell_lists(key)


def tell_lists(key: Ed25519PrivateKey, limit: int = 200) -> int:
    """Each device's wanted state names the list of indicators that is in force; where an older one is named the state
    is signed anew. Answers how many were, so that whoever asks goes on until none is left."""
    told = 0
    for kept in SignedList.objects.exclude(digest=""):
        late = Agent.objects.filter(
            connection_id=kept.connection_id, state=AgentState.APPROVED, cloned_at=None, ahead=False,
            wanted__facets__has_key=INDICATORS_FACET,
        ).exclude(wanted__facets__indicators__digest=kept.digest)  # fmt: skip
        for agent in late.select_related("device_group").order_by("pk")[: limit - told]:
            try:
                _tell_list(agent, key)
            except NotVouched as no:
                logger.warning("%s is not told of the list: %s", agent.name, no.message)
            else:
                told += 1
    return told


def _tell_list(agent: Agent, key: Ed25519PrivateKey) -> None:
    with transaction.atomic():
        kept = _wanted_of(agent)
        facets = {**_believed_facets(kept, agent), INDICATORS_FACET: indicators_of(agent)}
        _write_state(agent, kept, facets, key)
    wake_agent(agent.device_id)


def indicators_of(agent: Agent) -> dict[str, Any]:
    """What a device is told of the list: which one, and the groups that it is in itself. Raises `NotVouched`."""
    kept = SignedList.objects.filter(connection_id=agent.connection_id).first()
    if kept is not None and kept.envelope:
        _believed_entries(kept)
    digest = digest_of(kept.envelope) if kept is not None and kept.envelope else ""
    return {"digest": digest, "groups": [agent.device_group_id]}


def _sign_one(pk: int, key: Ed25519PrivateKey) -> None:
    with transaction.atomic():
        order = (
            AgentOrder.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("agent")
            .filter(pk=pk, state=OrderState.UNSIGNED)
            .first()
        )
        if order is None:
            return
        try:
            wish = wish_behind(order)
            if clock.real_now() >= _end_of(wish):
                end_order(order, OrderState.EXPIRED, code="expired", error="Its time was over before it was signed.")
                return
            _check(order, wish)
            _SIGNERS[OrderKind(order.kind)](order, wish, key)
        except NotVouched as no:
            end_order(order, OrderState.FAILED, code=no.code, error=no.message)


def _end_of(wish: Wish) -> datetime:
    """Whoever vouches says how long it is good for; what the order's own row says is for reading."""
    if wish.expires is None:
        raise NotVouched("no_end", "Nobody says how long the order is good for.")
    return wish.expires


def _check(order: AgentOrder, wish: Wish) -> None:
    agent = order.agent
    if agent is None:
        if order.kind != OrderKind.INDICATORS:
            raise NotVouched("no_device", "The order names no device.")
        return
    if wish.device_id != agent.device_id:
        raise NotVouched("another_device", "The order was given for another device.")
    if order.kind == OrderKind.RELEASE:
        return  # also a device that left the portal, or whose key is used twice, can be let go
    if agent.state != AgentState.APPROVED:
        raise NotVouched("not_approved", f"The agent on {agent.name} is {agent.get_state_display().lower()}.")
    if agent.cloned_at is not None:
        raise NotVouched("cloned", "Two machines use the key of this agent; nothing is sent until somebody decides.")


def _sign_command(order: AgentOrder, wish: Wish, key: Ed25519PrivateKey) -> None:
    value = {
        "id": order.key, "device": wish.device_id, "action": wish.action, "arguments": dict(wish.arguments),
        "effect": wish.effect, "not_before": clock.real_now().timestamp() - EARLIER_S,
        "expires": _end_of(wish).timestamp(), "run_s": wish.run_s,
    }  # fmt: skip
    _ready(order, wish, envelope=seal(COMMAND, value, key), action=wish.action, arguments=dict(wish.arguments))


def _sign_state(order: AgentOrder, wish: Wish, key: Ed25519PrivateKey) -> None:
    agent = _agent_of(order)
    if agent.ahead:
        raise NotVouched("device_ahead", f"{agent.name} obeys a newer wanted state than this portal knows of.")
    kept = _wanted_of(agent)
    believed = _believed_facets(kept, agent)
    facets = {**believed, wish.facet: _wanted_value(believed.get(wish.facet, {}), wish)}
    generation = _write_state(agent, kept, facets, key)
    told = {"entry": wish.entry, **wish.value} if wish.listed else dict(wish.value)
    _ready(order, wish, generation=generation, facet=wish.facet, value=told)
    _overtake(order, wish)


def _write_state(agent: Agent, kept: WantedState, facets: dict[str, Any], key: Ed25519PrivateKey) -> int:
    """Sign it with the next generation, which is answered."""
    generation = max(kept.generation, agent.generation) + 1
    value = {"device": agent.device_id, "generation": generation, "facets": facets}
    kept.generation, kept.facets, kept.signed_at = generation, facets, clock.real_now()
    kept.envelope = seal(DESIRED, value, key)
    kept.save()
    return generation


def _wanted_value(before: Mapping[str, Any], wish: Wish) -> dict[str, Any]:
    """The whole of the facet from now on. Of a list only the one entry changes, and what is over falls out."""
    if not wish.listed:
        return dict(wish.value)
    now = clock.real_now().timestamp()
    kept = [one for one in before.get(wish.listed, []) if one["id"] != wish.entry and one.get("until", now) >= now]
    return {wish.listed: [*kept, dict(wish.value)] if wish.value else kept}


def _overtake(order: AgentOrder, wish: Wish) -> None:
    """An older wish about the same facet that has not arrived is overtaken: the newest wins. Of a list, that about the
    same entry."""
    older = AgentOrder.objects.open().filter(
        agent=order.agent, facet=order.facet, kind=OrderKind.STATE, pk__lt=order.pk
    )
    if wish.listed:
        older = older.filter(value__entry=wish.entry)
    for one in older.select_for_update():
        end_order(one, OrderState.CANCELLED, code="overtaken", error="A newer instruction took its place.")


def _sign_indicators(order: AgentOrder, wish: Wish, key: Ed25519PrivateKey) -> None:
    connection_id = wish.connection_id
    if connection_id is None:
        raise NotVouched("no_connection", "Nobody says whose list it is.")
    SignedList.objects.get_or_create(connection_id=connection_id)
    kept = SignedList.objects.select_for_update().get(connection_id=connection_id)
    entries = _believed_entries(kept)
    for name in wish.arguments.get("remove", []):
        entries.pop(str(name), None)
    for entry in wish.arguments.get("set", []):
        entries[str(entry["key"])] = entry
    kept.version += 1
    kept.entries, kept.signed_at = entries, clock.real_now()
    kept.envelope = seal(INDICATOR_LIST, {"version": kept.version, "entries": list(entries.values())}, key)
    kept.digest = digest_of(kept.envelope)
    kept.save()
    ORDER_STATE.move(order, OrderState.READY, actor=SIGNER, thread=told_of(order), signed_at=clock.real_now(),
                     generation=kept.version)  # fmt: skip
    end_order(order, OrderState.SUCCEEDED, result={"version": kept.version, "digest": kept.digest})
    jobs.wake(SIGN)
    wake_all()


def _sign_release(order: AgentOrder, wish: Wish, key: Ed25519PrivateKey) -> None:
    """It never goes over the line: a person carries it to the device."""
    envelope = seal(RELEASE, dict(wish.value), key)
    ORDER_STATE.move(order, OrderState.READY, actor=SIGNER, thread=told_of(order), signed_at=clock.real_now(),
                     envelope=envelope)  # fmt: skip
    end_order(order, OrderState.SUCCEEDED)


def _ready(order: AgentOrder, wish: Wish, **columns: Any) -> None:
    """The row says from now on what was signed."""
    ORDER_STATE.move(order, OrderState.READY, actor=SIGNER, thread=told_of(order), signed_at=clock.real_now(),
                     expires=_end_of(wish), run_s=wish.run_s, **columns)  # fmt: skip
    wake_agent(_agent_of(order).device_id)


def _agent_of(order: AgentOrder) -> Agent:
    if order.agent is None:
        raise NotVouched("no_device", "The order names no device.")
    return order.agent


def _wanted_of(agent: Agent) -> WantedState:
    WantedState.objects.get_or_create(agent=agent)
    return WantedState.objects.select_for_update().get(agent=agent)


def _believed_facets(kept: WantedState, agent: Agent) -> dict[str, Any]:
    """What was signed last, not what the row says."""
    if not kept.envelope:
        return {}
    try:
        value = opened(kept.envelope, DESIRED, known_keys())
    except NotSigned as error:
        raise NotVouched("state_changed", f"The wanted state that is kept for {agent.name} was not signed.") from error
    if value.get("device") != agent.device_id:
        raise NotVouched("state_changed", f"The wanted state that is kept for {agent.name} is another device's.")
    return dict(value["facets"])


def _believed_entries(kept: SignedList) -> dict[str, Any]:
    if not kept.envelope:
        return {}
    try:
        value = opened(kept.envelope, INDICATOR_LIST, known_keys())
    except NotSigned as error:
        raise NotVouched("list_changed", "The list of indicators that is kept was not signed.") from error
    return {str(entry["key"]): entry for entry in value["entries"]}


_SIGNERS = {
    OrderKind.COMMAND: _sign_command,
    OrderKind.STATE: _sign_state,
    OrderKind.INDICATORS: _sign_indicators,
    OrderKind.RELEASE: _sign_release,
}
