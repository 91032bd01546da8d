"""The page of one device, file, identity or mailbox."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import slots
from core.htmx import done
from incidents.containment import containment_of
from incidents.entity_facts import KINDS, Entity, alerts_naming, evidence_naming, facts_of, incidents_naming
from incidents.enums import EvidenceVerdict
from incidents.evidence_groups import OF_ENTITIES
from incidents.forms import DescribeEntityForm
from incidents.models import Evidence, Identity, Mailbox
from incidents.rows import as_rows
from incidents.services.describe_entity import describe_entity

MOST = 50


@require_safe
@requires(keys.READ)
def entity(request: AccountRequest, kind: str, pk: int) -> HttpResponse:
    """Facts, state and responses beside the incidents, alerts and evidence that name it."""
    found = find_entity(request, kind, pk)
    incidents = incidents_naming(found, request.user).for_rows().order_by("-last_activity", "-id")
    alerts = alerts_naming(found, request.user).select_related("incident").order_by("-last_activity", "-id")
    subject = (found, None)
    context = {
        "entity": found,
        "kind": KINDS[kind],
        "crumbs": [{"label": KINDS[kind].plural.capitalize(), "url": reverse(f"incidents:{kind}-list")},
                   {"label": KINDS[kind].word.capitalize()}],
        "describe_url": reverse(f"incidents:{kind}-describe", args=[pk]),
        "facts": facts_of(found),
        "held": containment_of(found),
        "incidents": as_rows(list(incidents[:MOST]), request.user),
        "alerts": alerts[:MOST],
        "sightings": _sightings(found, request),
        "bindings": found.bindings.select_related("connection") if hasattr(found, "bindings") else None,
        "pills": slots.entries("entity.state", request, subject),
        "acts": slots.entries("entity.respond", request, subject),
        "more_tabs": slots.entries("entity.tabs", request, found),
        "may_edit": request.user.holds(keys.MANAGE_ALERTS),
        "erase_url": _erase_url(request, found),
    }  # fmt: skip
    return render(request, "incidents/entity.html", context)


def _erase_url(request: AccountRequest, found: Entity) -> str:
    """For those who may erase people, on what stands for one and was not erased yet."""
    allowed = request.user.holds(keys.ERASE_PEOPLE) and request.user.scope.everything
    is_somebody = isinstance(found, Identity | Mailbox) and found.name_key is not None
    return reverse(f"incidents:{found.kind.value}-erase", args=[found.pk]) if allowed and is_somebody else ""


def find_entity(request: AccountRequest, kind: str, pk: int) -> Entity:
    model = KINDS[kind].model
    rows: Any = model.objects.visible_to(request.user)
    if kind == "device":
        rows = rows.select_related("device_group")
    found: Entity = get_object_or_404(rows, pk=pk)
    return found


def _sightings(found: Entity, request: AccountRequest) -> list[dict[str, Any]]:
    """What was seen of it: each way of showing itself once, the newest first. That it has its own name says nothing."""
    rows = evidence_naming(found, request.user).select_related("alert").order_by("-alert__last_activity", "-id")
    seen: dict[tuple[str, str, str], dict[str, Any]] = {}
    for item in rows[:400]:
        if _says_its_name(item, found):
            continue
        entry = seen.setdefault((item.type, item.display, item.verdict), {"evidence": item, "times": 0})
        entry["times"] += 1
    return list(seen.values())[:MOST]


def _says_its_name(item: Evidence, found: Entity) -> bool:
    same = item.display.casefold() == found.display_name.casefold()
    return same and item.type in OF_ENTITIES and item.verdict == EvidenceVerdict.UNKNOWN


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_ALERTS)
def describe(request: AccountRequest, kind: str, pk: int) -> HttpResponse:
    """The dialog for tags, criticality and value."""
    found = find_entity(request, kind, pk)
    form = DescribeEntityForm(request.POST or None, entity=found)
    page = reverse(f"incidents:{kind}", args=[pk])
    if request.method == "POST" and form.is_valid():
        try:
            describe_entity(found, changes=form.changes(), actor=request.user.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"{found.display_name} described", back=page, leave=True)
    context = {"form": form, "entity": found, "kind": KINDS[kind], "back": page, "verb": "Save"}
    return render(request, "incidents/entity_edit.html", context, status=422 if form.is_bound else 200)
