"""What is in force now: wanted against seen, how long, and whether somebody changed it elsewhere."""

from collections.abc import Iterator, Sequence
from itertools import batched
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core import clock
from core.exports import MAX_ROWS, csv_response
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
CHUNK = 500
CSV_COLUMNS = (
    "target", "target_kind", "simulated", "facet", "object", "by", "run", "wanted", "drift", "last_seen", "seen_at",
    "detail", "since", "ends",
)  # fmt: skip


@requires(keys.READ)
def in_force(request: AccountRequest) -> HttpResponse:
    """Everything that is withheld somewhere now, newest first, and what drifts."""
    found, kind, only_drift = _chosen(request)
    page = leaf(found, NEWEST, purpose="in-force", cursor=request.GET.get("cursor", ""))
    context = {
        "rows": state_rows(page.rows, request.user),
        "total": counted(found),
        "most": MAX_ROWS,
        "drifting": counted(states_now(request.user).drifting()),
        "kind": kind,
        "kinds": EntityKind.choices,
        "only_drift": only_drift,
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
        "pending_total": counted(ActionRun.objects.visible_to(request.user).top_level().pending()),
        "may_ask": request.user.holds(keys.REQUEST_RESPONSE),
    }
    return render(request, "remediation/in_force.html", context)


@requires(keys.READ)
def export(request: AccountRequest) -> HttpResponseBase:
    """The filtered rows as CSV, newest first, with what the page says of each, at most 10,000 rows."""
    found, _, _ = _chosen(request)
    return csv_response("in-force", CSV_COLUMNS, _lines(NEWEST.order(found)[:MAX_ROWS], request.user))


def _chosen(request: AccountRequest) -> tuple[ControlStateQuerySet, str, bool]:
    """The states that the filters in the URL leave, and these filters."""
    kind, only_drift = request.GET.get("kind", ""), request.GET.get("drift") == "1"
    kind = kind if kind in EntityKind.values else ""
    found = states_now(request.user)
    found = found.filter(target_kind=kind) if kind else found
    return found.drifting() if only_drift else found, kind, only_drift


def _lines(states: QuerySet[ControlState], user: User) -> Iterator[tuple[Any, ...]]:
    for some in batched(states.iterator(chunk_size=CHUNK), CHUNK):
        for row in state_rows(some, user):
            state, run = row["state"], row["run"]
            yield (
                row["target"]["name"], state.target_kind, "SIMULATED" if row["simulated"] else "", row["facet"],
                row["object"], row["by"], run.number if run else "", row["desired"], state.drift_since,
                row["observed"], state.observed_at, state.detail, state.since, row["until"] or "when taken back",
            )  # fmt: skip


def states_now(user: User) -> ControlStateQuerySet:
    """What is withheld now, wanted or seen, and what drifts, where this person may see the target."""
    now = words.in_force("desired", "observed") | ~Q(drift_since=None)
    return ControlState.objects.visible_to(user).filter(now)


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
        "observed": words.said(state.observed),
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
    return action.done if action and action.wanted == word else words.said(word)


def _object(state: ControlState, run: ActionRun | None) -> str:
    """Which file, message or rule, where a facet has many."""
    if not state.facet_key:
        return ""
    return str(run.arguments.get("file_name") or state.facet_key) if run else state.facet_key
