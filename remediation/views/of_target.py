"""The Action center of one device, file, account or mailbox: what waits, what is in force, what was done."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.pagination import counted
from incidents.models import File
from remediation.enums import Facet
from remediation.models import ActionRun, ControlState
from remediation.policy_status import standings_of
from remediation.queries.control import ControlStateQuerySet, holds_visible_to
from remediation.views.cards import approval_cards
from remediation.views.fetch import Target, target_for
from remediation.views.holds import hold_row
from remediation.views.in_force import state_rows
from remediation.views.links import target_link
from remediation.views.rows import run_row

MOST, MOST_STATES = 50, 100


@requires(keys.READ)
def of_target(request: AccountRequest, kind: str, target_id: int) -> HttpResponse:
    """The tab on the page of an entity."""
    target = target_for(request.user, kind, target_id)
    return render(request, "remediation/of_target.html", _context(request, target))


@requires(keys.READ)
def pane_of_target(request: AccountRequest, kind: str, target_id: int) -> HttpResponse:
    """The same as a pane beside a list of entities."""
    target = target_for(request.user, kind, target_id)
    return render(request, "remediation/of_target_pane.html", _context(request, target))


def _context(request: AccountRequest, target: Target) -> dict[str, Any]:
    user = request.user
    here = {"target_kind": target.kind, "target_id": target.pk}
    runs = ActionRun.objects.visible_to(user).filter(**here).select_related("incident").distinct()
    waiting = runs.pending().top_level()
    past = runs.decided()
    shown = list(past.order_by("-created", "-pk")[:MOST])
    standings = standings_of(shown)
    states = _states(target).visible_to(user).order_by("-since", "-pk")[:MOST_STATES]
    holds = holds_visible_to(user).filter(**here, lifted_at=None)
    query = {"of": f"{target.kind}:{target.pk}", "window": "180d"}
    return {
        "target": target,
        "page": target_link(target.kind, target.pk, str(target))["url"],
        "states": state_rows(list(states), user),
        "cards": approval_cards(waiting.order_by("created", "pk")[:MOST], user),
        "holds": [hold_row(hold, user) for hold in holds.order_by("facet")],
        "rows": [{**run_row(run, user), "standing": standings[run.pk]} for run in shown],
        "past_total": counted(past),
        "all_url": f"{reverse('remediation:history')}?{urlencode(query)}",
        "tab_url": reverse("remediation:of_target", args=[target.kind, target.pk]),
    }


def _states(target: Target) -> ControlStateQuerySet:
    """Of a file: what is in force on it on each device."""
    if isinstance(target, File):
        return ControlState.objects.filter(target_kind="device", facet=Facet.FILES, facet_key=target.key)
    return ControlState.objects.of_target(target)
