"""The Attack story tab: list, graph data, panes of nodes."""

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
from incidents.graph import graph_of, state_words
from incidents.models import Evidence, Incident
from incidents.story import Node, Story, story_of, subject_words
from incidents.views.incident import find_incident

MOST_SHOWN = 12


@require_safe
@requires(keys.READ)
def story(request: AccountRequest, pk: int) -> HttpResponse:
    found = find_incident(request, pk)
    told = story_of(found, request.user)
    steps = [{"step": step, "about": subject_words(step)} for step in told.steps]
    context = {"incident": found, "story": told, "steps": steps, "live_topic": f"incident.changed:{pk} run.changed"}
    return render(request, "incidents/story.html", context)


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
    wanted = told.nodes.get(key)
    if wanted is None:
        raise Http404(key)
    return render(request, "incidents/node.html", _node_context(request, found, told, wanted))


def _node_context(request: AccountRequest, found: Incident, told: Story, wanted: Node) -> dict[str, Any]:
    entity = wanted.entity
    subject = (entity, found)
    by_alert = {alert.pk: alert for alert in told.alerts}
    shows = [{"alert": by_alert[item.alert_id], "evidence": item} for item in _telling(told.evidence_of(wanted.key))]
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
        "acts": slots.entries("entity.respond", request, subject) if entity else [],
    }


def _telling(evidence: list[Evidence]) -> list[Evidence]:
    """What says most first: command lines, then verdicts; each display once an alert."""
    seen: dict[tuple[int, str], Evidence] = {}
    for item in evidence:
        seen.setdefault((item.alert_id, item.display), item)
    return sorted(seen.values(), key=lambda item: (item.type != "process", item.alert_id))
