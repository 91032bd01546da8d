from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.exports import MAX_ROWS, csv_response
from core.pages import leaf
from core.pagination import Keyset, counted
from remediation.models import ActionRun
from remediation.queries.runs import RunQuerySet
from remediation.views.filters import WINDOWS, HistoryFilter
from remediation.views.rows import run_row
from remediation.views.titles import title_of

ORDER = Keyset(("created", "id"))
COLUMNS = (
    "run", "action", "target_kind", "target", "incident", "requested_by", "requested", "decision", "decided_by",
    "decided", "status", "verified", "method", "ended", "undoes", "connection", "simulated", "comment",
)  # fmt: skip


@requires(keys.READ)
def history(request: AccountRequest) -> HttpResponse:
    """Every decided run, newest first: what was asked, decided and became of it."""
    wanted = HistoryFilter(request.GET)
    runs = wanted.apply(request.user)
    page = leaf(runs, ORDER, purpose="action-history", cursor=request.GET.get("cursor", ""))
    context = {
        "rows": [run_row(run, request.user) for run in page.rows],
        "total": counted(runs),
        "chips": wanted.chips(),
        "newer_url": _url(request, page.newer),
        "older_url": _url(request, page.older),
        "pending_total": ActionRun.objects.visible_to(request.user).top_level().pending().count(),
    }
    return render(request, "remediation/history.html", context)


@requires(keys.READ)
def choose_filters(request: AccountRequest) -> HttpResponse:
    """The dialog in which filters are chosen; it leads back with them in the URL."""
    wanted = HistoryFilter(request.GET)
    if "chosen" in request.GET:
        rest = request.GET.copy()
        rest.pop("chosen")
        return redirect(f"/actions/history/?{rest.urlencode()}")
    groups = [
        {"name": name, "label": label, "choices": values.items(), "chosen": wanted.chosen()[name]}
        for name, (label, values) in wanted.labels().items()
    ]
    context = {"groups": groups, "windows": WINDOWS, "window": wanted.window, "search": request.GET.get("search", "")}
    return render(request, "remediation/history_filter.html", context)


@requires(keys.READ)
def export(request: AccountRequest) -> HttpResponseBase:
    """The filtered history as CSV, at most 10,000 rows."""
    runs = HistoryFilter(request.GET).apply(request.user).order_by("-created", "-id")[:MAX_ROWS]
    return csv_response("actions", COLUMNS, _lines(runs))


def _lines(runs: RunQuerySet) -> Iterator[tuple[Any, ...]]:
    for run in runs.iterator(chunk_size=500):
        yield (
            run.number, title_of(run), run.target_kind, run.target_name,
            run.incident.number if run.incident else "", run.requester.name, run.created,
            run.decision, run.decider.name if run.decider else "", run.decided_at, run.status, run.is_verified,
            run.verification.get("method", ""), run.ended, f"RUN-{run.undoes_id}" if run.undoes_id else "",
            run.connection.name if run.connection else "", "SIMULATED" if run.simulated else "", run.comment,
        )  # fmt: skip


def _url(request: AccountRequest, cursor: str) -> str:
    if not cursor:
        return ""
    query = request.GET.copy()
    query["cursor"] = cursor
    return f"?{query.urlencode()}"
