"""The Attack story tab: list, graph data, panes of nodes."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import clock, slots
from incidents.assets import entity_url
from incidents.entity_facts import facts_of
from incidents.enums import EvidenceVerdict, RemediationStatus
from incidents.graph import graph_of, state_words
from incidents.models import Evidence, Incident
from incidents.story import Node, Story, lead_of, short_label, story_of, subjects_of
from incidents.views.incident import find_incident

MOST_SHOWN = 6


@require_safe
@requires(keys.READ)
def story(request: AccountRequest, pk: int) -> HttpResponse:
    found = find_incident(request, pk)
    told = story_of(found, request.user)
    steps = _steps(told)
    context = {"incident": found, "story": told, "steps": steps, "lead": lead_of(told),
               "live_topic": f"incident.changed:{pk} run.changed"}  # fmt: skip
    return render(request, "incidents/story.html", context)


def _steps(told: Story) -> list[dict[str, Any]]:
    """Each with the machine it happened on, told apart where the attack comes to another one than just before."""
    steps, before = [], ""
    for step in told.steps:
        subjects = subjects_of(step)
        place = next((node for node in subjects if node.kind == "device"), None)
        about = " · ".join(short_label(node) for node in subjects if node is not place)
        key = place.key if place else ""
        steps.append({"step": step, "place": place, "about": about, "elsewhere": bool(key) and key != before})
        before = key or before
    return steps


@require_safe
@requires(keys.READ)
def graph(request: AccountRequest, pk: int) -> JsonResponse:
    """Nodes and edges for the drawing script."""
    found = find_incident(request, pk)
    told = story_of(found, request.user)
    return JsonResponse(graph_of(told, found, zone=timezone.get_current_timezone(), now=clock.now()))


@require_safe
@requires(keys.READ)
def node(request: AccountRequest, pk: int, key: str) -> HttpResponse:
    """The pane of one node: facts, what it shows in this incident, what can be done."""
    found = find_incident(request, pk)
    told = story_of(found, request.user)
    wanted = told.node_of(key)
    if wanted is None:
        raise Http404(key)
    return render(request, "incidents/node.html", _node_context(request, found, told, wanted))


def _node_context(request: AccountRequest, found: Incident, told: Story, wanted: Node) -> dict[str, Any]:
    entity = wanted.entity
    subject = (entity, found)
    shows = _shows(told, wanted)
    return {
        "incident": found,
        "node": wanted,
        "entity": entity,
        "url": entity_url(entity.kind.value, entity.pk) if entity else "",
        "state": state_words(wanted, zone=timezone.get_current_timezone(), now=clock.now()),
        "facts": facts_of(entity) if entity else [],
        "shows": shows[:MOST_SHOWN],
        "more": max(0, len(shows) - MOST_SHOWN),
        "pills": slots.entries("entity.state", request, subject) if entity else [],
        "acts": slots.entries("entity.respond", request, subject)
        if entity
        else slots.entries("evidence.respond", request, (wanted.kind, wanted.label, found)),
    }


def _shows(told: Story, wanted: Node) -> list[dict[str, Any]]:
    """Alert by alert, the newest first: what each says about the node. What says the same is told once, with how
    often."""
    shows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for alert in reversed(told.alerts):
        items = [item for node, item in told.members[alert.pk] if node.key == wanted.key]
        if items:
            said = {(item.type, item.display): item for item in items}.values()
            verdicts = {item.get_verdict_display() for item in items if item.verdict != EvidenceVerdict.UNKNOWN}
            states = {item.get_remediation_status_display() for item in items
                      if item.remediation_status != RemediationStatus.NONE}  # fmt: skip
            lines, marks = _telling(said, wanted), sorted(verdicts) + sorted(states)
            same = (alert.title, alert.severity, *(line.display for line in lines), *marks)
            shows.setdefault(same, {"alert": alert, "lines": lines, "marks": marks, "times": 0})["times"] += 1
    return list(shows.values())


def _telling(items: Iterable[Evidence], wanted: Node) -> list[Evidence]:
    """Command lines, and names that differ from the node's own."""
    told = [item for item in items if item.type == "process" or item.display.casefold() != wanted.label.casefold()]
    return sorted(told, key=lambda item: item.type != "process")[:4]
