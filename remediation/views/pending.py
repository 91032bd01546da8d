from collections.abc import Iterator
from datetime import timedelta
from itertools import batched
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.expressions import OrderBy
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core import clock
from core.exports import MAX_ROWS, csv_response
from core.pagination import counted
from remediation.enums import RunStatus
from remediation.models import ActionRun
from remediation.policy.decidable import decidable
from remediation.queries.runs import RunQuerySet
from remediation.views.cards import approval_cards
from remediation.views.emergency import open_emergencies
from remediation.views.rows import run_row

MOST = 100
CHUNK = 500
RECENT = timedelta(hours=1)
ORDERS: dict[str, tuple[str | OrderBy, ...]] = {
    "priority": (F("incident__priority_score").desc(nulls_last=True), "created", "id"),
    "expiry": ("expires_at", "id"),
}
CSV_COLUMNS = (
    "run", "action", "target_kind", "target", "simulated", "reason", "requested_by", "requested", "incident",
    "incident_name", "priority", "effect", "undo", "waits_for", "expires", "decision",
)  # fmt: skip


@requires(keys.READ)
def pending(request: AccountRequest) -> HttpResponse:
    """What waits for a decision, and what became of the last hour's decisions."""
    return render(request, "remediation/pending.html", pending_context(request))


@requires(keys.READ)
def export(request: AccountRequest) -> HttpResponseBase:
    """What waits as CSV: the filter and the order of the page, and what its cards say, at most 10,000 rows."""
    found, order, _ = _chosen(request)
    rows = found.order_by(*ORDERS[order])[:MAX_ROWS]
    return csv_response("pending-actions", CSV_COLUMNS, _lines(rows, request.user))


def pending_context(request: AccountRequest) -> dict[str, Any]:
    found, order, only_mine = _chosen(request)
    runs = _top_runs(request.user)
    waiting = runs.pending()
    cards = approval_cards(found.order_by(*ORDERS[order])[:MOST], request.user)
    since = clock.now() - RECENT
    recent = list(runs.decided().filter(created__gte=since).order_by("-created", "-id")[:50])
    return {
        "cards": cards,
        "shown": counted(found),
        "total": counted(waiting),
        "most": MAX_ROWS,
        "may_decide": request.user.holds(keys.DECIDE_RESPONSE),
        "emergencies": open_emergencies(request.user),
        "only_mine": only_mine,
        "order": order,
        "recent": [run_row(run, request.user) for run in recent],
        "verified": sum(run.is_verified for run in recent),
        "running": sum(run.is_open for run in recent),
        "unknown": sum(run.status == RunStatus.UNKNOWN for run in recent),
        "last_decided": runs.decided().exclude(decided_at=None).order_by("-decided_at").first() if not cards else None,
    }


def _top_runs(user: User) -> RunQuerySet:
    return ActionRun.objects.visible_to(user).top_level().select_related("incident", "undoes__parent")


def _chosen(request: AccountRequest) -> tuple[RunQuerySet, str, bool]:
    """What waits as far as the filter in the URL leaves it, the order, and whether the filter is on."""
    order, only_mine = request.GET.get("sort", "priority"), request.GET.get("mine") == "1"
    waiting = _top_runs(request.user).pending()
    found = decidable(waiting, request.user) if only_mine else waiting
    return found, order if order in ORDERS else "priority", only_mine


def _lines(runs: QuerySet[ActionRun], user: User) -> Iterator[tuple[Any, ...]]:
    for some in batched(runs.iterator(chunk_size=CHUNK), CHUNK):
        for run, card in zip(some, approval_cards(some, user), strict=True):
            incident = card["incident"] or {}
            yield (
                run.number, card["title"], run.target_kind, run.target_name, "SIMULATED" if card["simulated"] else "",
                card["quote"], card["by"], card["at"], incident.get("label", ""), incident.get("name", ""),
                incident.get("priority", ""), card["effect"], card["undo"], card["waits_for"], card["expires"],
                card["refusal"] or "you may decide",
            )  # fmt: skip
