"""The page of one endpoint agent."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.audit_log import in_words
from accounts.guard import AccountRequest, requires
from connectors import agent_facts as facts
from connectors.enums import AgentState, OrderKind
from connectors.models import Agent, AgentOrder, AgentPolicy, SignedList, WantedState
from core import slots
from core.models import AuditEvent
from core.wording import duration

MOST_ORDERS, MOST_EVENTS, MOST_PACKAGES = 50, 100, 200
_PARTS = (
    ("Interfaces", "interfaces", ("Name", "Up", "Addresses", "MAC"), ("name", "up", "addresses", "mac")),
    ("Users", "users", ("Name", "Number", "Home", "May sign in"), ("name", "uid", "home", "may_log_in")),
    ("Listening", "listening", ("Protocol", "Address", "Port", "Program"), ("protocol", "address", "port", "program")),
)


@require_safe
@requires(keys.READ)
def agent(request: AccountRequest, pk: int) -> HttpResponse:
    """Who it is, what is wanted of it and what it told, what was ordered, what it can do."""
    found = find_agent(request, pk)
    crumbs = [{"label": "Endpoint agents", "url": reverse("connectors:agents")}, {"label": "Agent"}]
    context = {"crumbs": crumbs, "system": _system(found), "events": _events(found), **_how_it_is(request, found)}
    return render(request, "connectors/agent.html", context)


@require_safe
@requires(keys.READ)
def agent_state(request: AccountRequest, pk: int) -> HttpResponse:
    """What changes while somebody looks."""
    context = {"alone": True, **_how_it_is(request, find_agent(request, pk))}
    return render(request, "connectors/agent_state.html", context)


@require_safe
@requires(keys.READ)
def agent_inventory(request: AccountRequest, pk: int) -> HttpResponse:
    """What it says is on the device; programs are searched by name."""
    found = get_object_or_404(Agent.objects.visible_to(request.user), pk=pk)
    text = request.GET.get("q", "").strip().lower()[:100]
    packages = facts.rows_of(found, "packages", "name", "version", "source")
    matching = [row for row in packages if text in row[0].lower() or text in row[2].lower()] if text else packages
    context = {
        "agent": found, "q": text, "packages": matching[:MOST_PACKAGES], "packages_count": len(matching), "parts": [
            (label, heads, facts.rows_of(found, name, *columns)) for label, name, heads, columns in _PARTS
        ], "unread": facts.unread_of(found),
    }  # fmt: skip
    return render(request, "connectors/agent_inventory.html", context)


def find_agent(request: AccountRequest, pk: int) -> Agent:
    """Of the device groups that the person sees; a 404 otherwise."""
    return get_object_or_404(Agent.objects.visible_to(request.user).light().select_related("connection"), pk=pk)


def _how_it_is(request: AccountRequest, found: Agent) -> dict[str, Any]:
    kept = WantedState.objects.filter(agent=found).values_list("generation", flat=True).first()
    orders, words = orders_of(request, found)
    facets = facts.facets_of(found)
    signed = SignedList.objects.filter(connection=found.connection_id).values_list("version", flat=True).first()
    return {
        "agent": found,
        "may_manage": request.user.holds(keys.MANAGE_SYSTEM),
        "orders": orders,
        "health": facts.health_of(found), "mark": facts.health_mark(found),
        "facets": facets,
        "drifts": any(one.drifts for one in facets),
        "wanted_generation": kept or 0,
        "behind": (kept or 0) > found.generation,
        "list_version": signed or 0,
        "cannot": {facts.word_of(name, words): why for name, why in facts.cannot(found).items()},
        "can": [facts.word_of(name, words) for name in facts.can(found)],
        "told": facts.health_told(found),
        "fingerprint": facts.fingerprint_of(found),
        "os": facts.os_of(found),
        "opens": facts.opens_in_words(AgentPolicy.objects.filter(device_group=found.device_group_id).first()),
        "links": slots.entries("agent.links", request, found),
        "codes": found.orders.filter(kind=OrderKind.RELEASE).order_by("-pk")[:3],
        "is_waiting": found.state == AgentState.PENDING,
    }  # fmt: skip


def orders_of(request: AccountRequest, found: Agent) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The newest orders, each with the place it came from where a later room knows one; and the words of actions."""
    rows = list(AgentOrder.objects.filter(agent=found).defer("envelope").order_by("-pk")[:MOST_ORDERS])
    places: dict[str, dict[str, Any]] = {}
    words: dict[str, str] = {}
    for entry in slots.entries("agent.orders", request, rows):
        places.update(entry["places"])
        words.update(entry["words"])
    return [
        {"order": one, "word": facts.word_of(one.action, words), "place": places.get(one.reference),
         "took": _took(one), "lines": _lines(one)} for one in rows
    ], words  # fmt: skip


def _took(order: AgentOrder) -> str:
    return duration(order.ended_at - order.created) if order.ended_at else ""


def _lines(order: AgentOrder) -> list[str]:
    told = [entry.get("lines") for entry in order.progress if isinstance(entry, dict)][-20:]
    return [facts.text_of(line) for lines in told if isinstance(lines, list) for line in lines][-100:]


def _events(found: Agent) -> list[dict[str, Any]]:
    """What was decided about it; what was ordered stands in its orders."""
    rows = AuditEvent.objects.filter(thread=found.thread, subject=found.thread).order_by("-id")[:MOST_EVENTS]
    return [{"words": in_words(one.verb), "actor": one.actor_name, "at": one.at, "reason": one.reason} for one in rows]


def _system(found: Agent) -> list[tuple[str, str]]:
    told = facts.system_of(found)
    words = [(label, facts.text_of(told.get(name))) for name, label in (
        ("host_name", "Host name"), ("dns_name", "Name in DNS"), ("kernel", "Kernel"),
        ("architecture", "Architecture"), ("cpus", "Processors"), ("machine_id", "Machine id"),
    )]  # fmt: skip
    memory = told.get("memory_bytes")
    if isinstance(memory, int) and not isinstance(memory, bool):
        words.append(("Memory", f"{memory / 2**30:,.1f} GiB"))
    return [("System", facts.os_of(found)), *[pair for pair in words if pair[1]]]
