from datetime import timedelta
from typing import Any

from django.db.models import F
from django.db.models.expressions import OrderBy
from django.http import HttpResponse
from django.shortcuts import render

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import clock
from core.pagination import counted
from remediation.enums import RunStatus
from remediation.models import ActionRun
from remediation.views.cards import approval_cards
from remediation.views.emergency import open_emergencies
from remediation.views.rows import run_row

MOST = 100
RECENT = timedelta(hours=1)
ORDERS: dict[str, tuple[str | OrderBy, ...]] = {
    "priority": (F("incident__priority_score").desc(nulls_last=True), "created", "id"),
    "expiry": ("expires_at", "id"),
}


@requires(keys.READ)
def pending(request: AccountRequest) -> HttpResponse:
    """What waits for a decision, and what became of the last hour's decisions."""
    return render(request, "remediation/pending.html", pending_context(request))


def pending_context(request: AccountRequest) -> dict[str, Any]:
    order = request.GET.get("sort", "priority")
    order = order if order in ORDERS else "priority"
    runs = ActionRun.objects.visible_to(request.user).top_level().select_related("incident")
    waiting = runs.pending()
    cards = approval_cards(waiting.order_by(*ORDERS[order])[:MOST], request.user)
    only_mine = request.GET.get("mine") == "1"
    since = clock.now() - RECENT
    recent = list(runs.decided().filter(created__gte=since).order_by("-created", "-id")[:50])
    return {
        "cards": [card for card in cards if not card["refusal"]] if only_mine else cards,
        "total": counted(waiting),
        "may_decide": request.user.holds(keys.DECIDE_RESPONSE),
        "emergencies": open_emergencies(request.user),
        "mine": sum(not card["refusal"] for card in cards),
        "only_mine": only_mine,
        "order": order,
        "recent": [run_row(run, request.user) for run in recent],
        "verified": sum(run.is_verified for run in recent),
        "running": sum(run.is_open for run in recent),
        "unknown": sum(run.status == RunStatus.UNKNOWN for run in recent),
        "last_decided": runs.decided().exclude(decided_at=None).order_by("-decided_at").first() if not cards else None,
    }
