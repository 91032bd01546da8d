"""What is in force now: wanted against seen, how long, and whether somebody changed it elsewhere."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core import clock
from core.filters import at_cursor
from core.pages import leaf
from core.pagination import Keyset, counted
from incidents.enums import EntityKind
from remediation.catalog import registry, words
from remediation.enums import Facet
from remediation.models import ActionRun, ControlState, EmergencyApproval
from remediation.queries.control import ControlStateQuerySet
from remediation.views.links import target_link

NEWEST = Keyset(("since", "id"))


@requires(keys.READ)
def in_force(request: AccountRequest) -> HttpResponse:
    """Everything that is withheld somewhere now, newest first, and what drifts."""
    seen = states_now(request.user)
    kind = request.GET.get("kind", "")
    kind = kind if kind in EntityKind.values else ""
    only_drift = request.GET.get("drift") == "1"
    found = seen.filter(target_kind=kind) if kind else seen
    found = found.drifting() if only_drift else found
    page = leaf(found, NEWEST, purpose="in-force", cursor=request.GET.get("cursor", ""))
    context = {
        "rows": state_rows(page.rows, request.user),
        "total": counted(found),
        "drifting": counted(seen.drifting()),
        "kind": kind,
        "kinds": EntityKind.choices,
        "only_drift": only_drift,
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
        "pending_total": counted(ActionRun.objects.visible_to(request.user).top_level().pending()),
        "may_ask": request.user.holds(keys.REQUEST_RESPONSE),
    }
    return render(request, "remediation/in_force.html", context)


def states_now(user: User) -> ControlStateQuerySet:
    """What is withheld now, wanted or seen, and what drifts, where this person may see the target."""
    seen = ControlState.objects.visible_to(user)
    return seen.filter(words.in_force("desired", "observed")) | seen.drifting()


def state_rows(states: Sequence[ControlState], user: User) -> list[dict[str, Any]]:
    """What lists and panes show of each state, with three queries whatever their number."""
    ids = [state.run_id for state in states if state.run_id]
    runs = ActionRun.objects.filter(pk__in=ids).in_bulk() if ids else {}
    readable = set(ActionRun.objects.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    wholes = {run.parent_id or run.pk: run.pk for run in runs.values()}
    alone = EmergencyApproval.objects.filter(run__in=wholes, state="open") if ids else []
    until = {wholes[one.run_id]: one.ratify_until for one in alone}
    may_ask = user.holds(keys.REQUEST_RESPONSE)
    rows = []
    for state in states:
        run = runs.get(state.run_id or 0)
        seen = run is not None and run.pk in readable
        rows.append({**_row(state, run, seen=seen), "until": until.get(state.run_id or 0),
                     "may_reconcile": may_ask and seen and state.is_drifting})  # fmt: skip
    return rows


def _row(state: ControlState, run: ActionRun | None, *, seen: bool) -> dict[str, Any]:
    name = run.target_name if run else f"{state.target_kind} {state.target_id}"
    return {
        "state": state,
        "run": run if seen else None,
        "run_url": reverse("remediation:run", args=[run.pk]) if run and seen else "",
        "target": target_link(state.target_kind, state.target_id, name),
        "facet": Facet(state.facet).label if state.facet in Facet.values else state.facet,
        "object": _object(state, run),
        "desired": _word(state, run, state.desired),
        "observed": state.observed.replace("_", " "),
        "withheld": words.means_in_force(state.facet, state.observed or state.desired),
        "as_wanted": state.observed == state.desired,
        "simulated": bool(run and run.simulated),
        "by": state.by if run is None or seen else "somebody",
        "age": clock.now() - state.since,
        "reconcile_url": reverse("remediation:reconcile", args=[state.pk]),
    }


def _word(state: ControlState, run: ActionRun | None, word: str) -> str:
    """`Isolated` as the action says it; else the word of the facet."""
    action = registry.get(run.action) if run and registry.is_known(run.action) else None
    return action.done if action and action.wanted == word else word.replace("_", " ")


def _object(state: ControlState, run: ActionRun | None) -> str:
    """Which file, message or rule, where a facet has many."""
    if not state.facet_key:
        return ""
    return str(run.arguments.get("file_name") or state.facet_key) if run else state.facet_key
