"""Lists of devices, files, identities and mailboxes."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import exports, slots, wording
from core.pages import leaf
from core.pagination import Keyset, counted
from incidents.assets import entity_url
from incidents.containment import containment_of
from incidents.entity_facts import KINDS, Kind, cells_of
from incidents.enums import Criticality, RiskLevel
from incidents.queue import group_names
from incidents.search import entity_called

ORDERS = {"name": ("display_name", "id"), "last": ("last_seen", "id")}
FILTERS = {"risk": ("Risk", "risk_level", dict(RiskLevel.choices)),
           "criticality": ("Criticality", "criticality", dict(Criticality.choices))}  # fmt: skip


@require_safe
@requires(keys.READ)
def entity_list(request: AccountRequest, kind: str) -> HttpResponse:
    spec, params = KINDS[kind], request.GET
    rows = filtered(spec, request)
    word = params.get("sort", "-last") if params.get("sort", "").removeprefix("-") in ORDERS else "-last"
    keyset = Keyset(ORDERS[word.removeprefix("-")], word.startswith("-"))
    page = leaf(rows, keyset, purpose=f"{kind}:{word}", cursor=params.get("cursor", ""))
    context = {
        "kind": spec,
        "rows": [_line(request, spec, row) for row in page.rows],
        "total_words": wording.counted(counted(rows), spec.word, spec.plural),
        "sort": word,
        "q": params.get("q", ""),
        "chips": _chips(spec, request),
        "filters": _choices(spec, request),
        "newer_url": _with(params, cursor=page.newer) if page.newer else "",
        "older_url": _with(params, cursor=page.older) if page.older else "",
        "export_url": f"{reverse(f'incidents:{kind}-export')}{_with(params, cursor='')}",
        "list_url": reverse(f"incidents:{kind}-list"),
    }
    return render(request, "incidents/entity_list.html", context)


def _line(request: AccountRequest, spec: Kind, row: Any) -> dict[str, Any]:
    return {
        "entity": row,
        "url": entity_url(spec.key, row.pk),
        "held": containment_of(row),
        "cells": cells_of(spec, row),
        "pane": next((entry["url"] for entry in slots.entries("entity.pane", request, row)), ""),
    }


def filtered(spec: Kind, request: AccountRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = spec.model.objects.visible_to(request.user)
    if spec.key == "device":
        rows = rows.select_related("device_group")
        group = request.GET.get("group", "")
        rows = rows.filter(device_group=int(group)) if group.isdecimal() and len(group) < 18 else rows
    if text := request.GET.get("q", "").replace("\x00", "").strip()[:200]:
        rows = rows.filter(entity_called(spec.key, text))
    for name, (_label, column, choices) in FILTERS.items():
        chosen = [value for value in request.GET.getlist(name) if value in choices]
        if chosen and hasattr(spec.model, column):
            rows = rows.filter(**{f"{column}__in": chosen})
    return rows


def _with(params: QueryDict, **changed: str) -> str:
    copy = params.copy()
    for name, value in changed.items():
        copy.pop(name, None)
        if value:
            copy[name] = value
    return f"?{copy.urlencode()}"


def _chips(spec: Kind, request: AccountRequest) -> list[dict[str, str]]:
    params, chips = request.GET, []
    if params.get("q"):
        chips.append({"label": "Name", "value": params["q"], "remove_url": _with(params, q="", cursor="")})
    for name, (label, column, choices) in FILTERS.items():
        values = [choices[value] for value in params.getlist(name) if value in choices]
        if values and hasattr(spec.model, column):
            words = ", ".join(str(value) for value in values)
            chips.append({"label": label, "value": words, "remove_url": _with(params, **{name: "", "cursor": ""})})
    if spec.key == "device" and params.get("group"):
        name = group_names(request.user).get(params["group"], "?")
        chips.append({"label": "Group", "value": name, "remove_url": _with(params, group="", cursor="")})
    return chips


def _choices(spec: Kind, request: AccountRequest) -> list[dict[str, Any]]:
    """What the filter menu offers: links, so that it works without script."""
    menus = [
        {"label": label, "items": [{"label": word, "url": _with(request.GET, **{name: value, "cursor": ""})}
                                   for value, word in choices.items()]}
        for name, (label, column, choices) in FILTERS.items() if hasattr(spec.model, column)
    ]  # fmt: skip
    if spec.key == "device":
        groups = [{"label": name, "url": _with(request.GET, group=pk, cursor="")}
                  for pk, name in group_names(request.user).items()]  # fmt: skip
        menus.append({"label": "Group", "items": groups})
    return menus


@require_safe
@requires(keys.READ)
def export(request: AccountRequest, kind: str) -> StreamingHttpResponse:
    """What is filtered, as CSV, at most 10,000 rows."""
    spec = KINDS[kind]
    rows = filtered(spec, request).order_by("display_name", "id")[: exports.MAX_ROWS]
    header = ("name", "key", "risk", "criticality", "tags", "state", "first seen", "last seen", "demo data")
    return exports.csv_response(spec.plural, header, _csv(rows.iterator(chunk_size=1000)))


def _csv(rows: Iterator[Any]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        held = containment_of(row)
        yield (row.display_name, row.key, getattr(row, "risk_level", ""), getattr(row, "criticality", ""), row.tags,
               held.word if held else "", row.first_seen, row.last_seen,
               "SIMULATED" if row.exercise else "")  # fmt: skip
