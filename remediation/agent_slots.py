"""What this room knows of orders to endpoint agents: the run behind each, and how a device stands to what is wanted."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from connectors.agent_facts import facets_of, health_mark, health_of, opens_in_words
from connectors.models import Agent, AgentOrder, AgentPolicy, Delivery
from incidents.models import Device
from remediation.catalog import all_actions
from remediation.models import ActionRun, ControlState, Indicator, IndicatorHit
from remediation.views.titles import title_of

MOST_DIGITS = 18
MOST_HITS, MOST_UNSUPPORTED = 3, 1_000_000


def places_of_orders(request: HttpRequest, orders: list[AgentOrder]) -> dict[str, Any]:
    """Reference of an order -> the run that it carries out, of those that the person may see; key of an action -> its
    words."""
    words = {action.key: action.label for action in all_actions()}
    found = _number_behind({order.reference for order in orders})
    user = request.user
    if not isinstance(user, User) or not found:
        return {"places": {}, "words": words}
    runs = ActionRun.objects.visible_to(user).in_bulk(found.values())
    return {"words": words, "places": {
        reference: {"url": reverse("remediation:run", args=[run_id]), "label": f"{run.number} {title_of(run)}"}
        for reference, run_id in found.items() if (run := runs.get(run_id))
    }}  # fmt: skip


def _number_behind(references: set[str]) -> dict[str, int]:
    """`delivery:7` -> the number of the run that the delivery serves."""
    numbers = {one: _number(one) for one in references if one.startswith("delivery:")}
    deliveries = dict(Delivery.objects.filter(pk__in=numbers.values()).values_list("pk", "reference"))
    named = {one: deliveries.get(pk, "") for one, pk in numbers.items()}
    return {one: _number(word) for one, word in named.items() if word.startswith("run:")}


def _number(word: str) -> int:
    text = word.partition(":")[2]
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else 0


def device_card(request: HttpRequest, device: object) -> dict[str, Any] | None:
    """The live state of a device that an endpoint agent is on; nothing for every other entity."""
    if not isinstance(device, Device) or not isinstance(request.user, User):
        return None
    agent = agent_on(device)
    return card_of(agent, device, request.user) if agent else None


def agent_on(device: Device) -> Agent | None:
    bound = device.bindings.values_list("connection_id", "remote_id")
    for connection_id, remote_id in bound:
        found = Agent.objects.light().filter(connection=connection_id, device_id=remote_id).first()
        if found is not None:
            return found
    return None


def card_of(agent: Agent, device: Device, user: User) -> dict[str, Any]:
    """Wanted beside observed, since when and by which run."""
    states = ControlState.objects.filter(target_kind="device", target_id=device.pk, facet_key="")
    by_facet = {state.facet: state for state in states}
    run_ids = {state.run_id for state in by_facet.values() if state.run_id}
    runs = ActionRun.objects.visible_to(user).in_bulk(run_ids) if run_ids else {}
    rows = [
        {"facet": facet, "state": (state := by_facet.get(facet.key)),
         "run": runs.get(state.run_id) if state and state.run_id else None}
        for facet in facets_of(agent)
    ]  # fmt: skip
    policy = AgentPolicy.objects.filter(device_group=agent.device_group_id).first()
    return {
        "agent": agent, "device": device, "rows": rows, "health": health_of(agent), "mark": health_mark(agent),
        "indicators": indicators_on_device(agent, device, user), "opens": opens_in_words(policy),
        "agent_url": reverse("connectors:agent", args=[agent.pk]),
        "url": reverse("remediation:agent_card", args=[device.pk]),
    }  # fmt: skip


def indicators_on_device(agent: Agent, device: Device, user: User) -> dict[str, Any]:
    """How many hold here, where to read them, what the device cannot enforce, and what it met last."""
    held = Indicator.objects.visible_to(user).on_device(device).active()
    hits = IndicatorHit.objects.filter(device=device, indicator__in=Indicator.objects.visible_to(user))
    observed = agent.status.get("observed")
    told = observed.get("indicators") if isinstance(observed, dict) else None
    evidence = told.get("evidence") if isinstance(told, dict) else None
    number = evidence.get("unsupported_count") if isinstance(evidence, dict) else 0
    return {
        "held": held.count(), "url": f"{reverse('remediation:indicators')}?device={device.pk}",
        "unsupported": number if isinstance(number, int) and 0 < number < MOST_UNSUPPORTED else 0,
        "hits": hits.count(),
        "newest": list(hits.select_related("indicator").order_by("-at", "-pk")[:MOST_HITS]),
    }  # fmt: skip
