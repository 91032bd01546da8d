"""Everything that policy refused, with what it looked at."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.exports import csv_response
from core.filters import at_cursor, chips_of
from core.pages import leaf
from core.pagination import Keyset, counted
from remediation.brake_forms import RefusalFilterForm
from remediation.catalog import get, is_known
from remediation.models import Refusal
from remediation.policy import LABELS
from remediation.queries.refusals import refusals_visible_to
from remediation.views.inputs import looked_at
from remediation.views.links import target_link

NEWEST = Keyset(("at", "id"))
MAX_ROWS = 10_000
CSV_HEADER = ("at", "stage", "who", "action", "target_kind", "target_id", "target", "rule", "code", "message", "run",
              "incident", "asked")  # fmt: skip


@requires(keys.READ_AUDIT)
def refusals(request: AccountRequest) -> HttpResponse:
    form = RefusalFilterForm(request.GET)
    found = _matching(refusals_visible_to(request.user), form.cleaned_data if form.is_valid() else {})
    page = leaf(found, NEWEST, purpose="refusals", cursor=request.GET.get("cursor", ""))
    context = {
        "rows": [_row(one) for one in page.rows],
        "form": form,
        "chips": chips_of(request, form) if form.is_valid() else [],
        "clear_url": request.path,
        "total": counted(found),
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
    }
    return render(request, "remediation/refusals.html", context)


@requires(keys.READ_AUDIT)
def refusals_csv(request: AccountRequest) -> HttpResponseBase:
    """The filtered refusals, newest first, at most 10,000; one line for each with the rules that were asked."""
    form = RefusalFilterForm(request.GET)
    found = _matching(refusals_visible_to(request.user), form.cleaned_data if form.is_valid() else {})
    return csv_response("refusals", CSV_HEADER, (_line(one) for one in found.order_by("-at", "-id")[:MAX_ROWS]))


@requires(keys.READ_AUDIT)
def refusal(request: AccountRequest, pk: int) -> HttpResponse:
    """One of them, with every rule that was asked."""
    found = get_object_or_404(refusals_visible_to(request.user), pk=pk)
    asked = [
        {**one, "label": LABELS.get(one["rule"], one["rule"]), "inputs": looked_at(one["inputs"])}
        for one in found.inputs.get("asked", [])
    ]
    given = {name: value for name, value in found.inputs.items() if name not in {"asked", "said"} and value}
    context = {**_row(found), "asked": asked, "given": looked_at(given)}
    return render(request, "remediation/refusal.html", context)


def _matching(rows: QuerySet[Refusal], wanted: dict[str, Any]) -> QuerySet[Refusal]:
    named = {"stage": "stage", "rule": "rule", "action": "action", "who": "actor__name__icontains",
             "target": "target_name__icontains"}  # fmt: skip
    return rows.filter(**{column: wanted[name] for name, column in named.items() if wanted.get(name)})


def _line(one: Refusal) -> tuple[Any, ...]:
    asked = [f"{rule['rule']}: {rule['answer']}" for rule in one.inputs.get("asked", [])]
    return (one.at, one.stage, one.actor.get("name", ""), one.action, one.target_kind, one.target_id, one.target_name,
            one.rule, one.code, one.message, one.run_id or "", one.incident_id or "", "; ".join(asked))  # fmt: skip


def _row(one: Refusal) -> dict[str, Any]:
    label = get(one.action).label if is_known(one.action) else one.action
    person = one.actor.get("person_id")
    query = {"person": person, "action": one.action, "target": one.target_name, "id": one.target_id}
    return {
        "refusal": one,
        "action": label,
        "rule": LABELS.get(one.rule, one.code),
        "target": target_link(one.target_kind, one.target_id, one.target_name),
        "why_url": f"{reverse('remediation:why')}?{urlencode(query)}" if person else "",
    }
