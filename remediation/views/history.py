from collections.abc import Iterator
from itertools import batched
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.services.profile import arrange_table
from core.exports import MAX_ROWS, csv_response
from core.filters import at_cursor
from core.htmx import done
from core.pages import leaf
from core.pagination import counted
from remediation.history_columns import (
    BY_KEY,
    DEFAULT,
    DEFAULT_SIZE,
    SIZE_TABLE,
    SIZES,
    TABLE,
    Column,
    columns_of,
    name_width,
    offered_to,
    size_of,
)
from remediation.models import ActionRun
from remediation.policy_status import standings_of
from remediation.views.filters import CUSTOM, TEXTS, WINDOWS, HistoryFilter
from remediation.views.rows import run_row
from remediation.views.titles import title_of

CHUNK = 500


@requires(keys.READ)
def history(request: AccountRequest) -> HttpResponse:
    """Every decided run, newest first: what was asked, decided and became of it, and whether it is in force."""
    wanted = HistoryFilter(request.GET, request.user)
    runs = wanted.apply()
    page = leaf(runs, wanted.keyset, purpose=f"action-history:{wanted.sort}", cursor=request.GET.get("cursor", ""),
                size=size_of(request.user))  # fmt: skip
    standings, columns = standings_of(page.rows), columns_of(request.user)
    context = {
        "rows": [{**run_row(run, request.user), "standing": standings[run.pk]} for run in page.rows],
        "columns": columns,
        "name_width": name_width(columns),
        "total": counted(runs),
        "most": MAX_ROWS,
        "sort": wanted.sort,
        "chips": wanted.chips(),
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
        "pending_total": counted(ActionRun.objects.visible_to(request.user).top_level().pending()),
        "may_undo": request.user.holds(keys.REQUEST_RESPONSE),
        "may_manage_retention": request.user.holds(keys.MANAGE_SETTINGS),
    }
    return render(request, "remediation/history.html", context)


def _groups(wanted: HistoryFilter) -> list[dict[str, Any]]:
    chosen = wanted.chosen()
    return [
        {"name": name, "label": label, "choices": values.items(), "chosen": chosen[name]}
        for name, (label, values) in wanted.labels().items()
        if values
    ]


@requires(keys.READ)
def choose_filters(request: AccountRequest) -> HttpResponse:
    """The dialog in which filters are chosen; it leads back with them in the URL."""
    if "chosen" in request.GET:
        rest = request.GET.copy()
        rest.pop("chosen")
        return redirect(f"/actions/history/?{rest.urlencode()}")
    asked = request.GET.copy()
    asked["dialog"] = "1"
    wanted = HistoryFilter(asked, request.user)
    context = {
        "groups": _groups(wanted),
        "texts": [{"name": name, "label": label, "value": wanted.text(name)} for name, label in TEXTS.items()],
        "windows": WINDOWS,
        "window": wanted.window,
        "custom": CUSTOM,
        "since": request.GET.get("from", ""),
        "until": request.GET.get("to", ""),
        "sort": wanted.sort,
    }
    return render(request, "remediation/history_filter.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.READ)
def columns(request: AccountRequest) -> HttpResponse:
    """The dialog with the columns in order and the size of a page; both are kept in the profile."""
    back = reverse("remediation:history")
    if request.method == "POST":
        chosen = [key for key in request.POST.getlist("column") if key in BY_KEY]
        if "standard" in request.POST or chosen == list(DEFAULT):
            chosen = []
        size = request.POST.get("size", "")
        kept = [size] if size in {str(one) for one in SIZES if one != DEFAULT_SIZE} else []
        arrange_table(request.user, table=TABLE, columns=chosen, actor=request.user.actor)
        arrange_table(request.user, table=SIZE_TABLE, columns=kept, actor=request.user.actor)
        return done(request, "Columns saved", back=back, refresh=["#history"])
    context = {"offered": offered_to(request.user), "sizes": SIZES, "size": size_of(request.user), "back": back}
    return render(request, "remediation/history_columns.html", context)


@requires(keys.READ)
def export(request: AccountRequest) -> HttpResponseBase:
    """The filtered history as CSV: the columns and the order of the page, at most 10,000 rows."""
    wanted = HistoryFilter(request.GET, request.user)
    runs = wanted.keyset.order(wanted.apply())[:MAX_ROWS]
    columns = columns_of(request.user)
    header = ("run", "action", "target", "simulated", *(column.label for column in columns))
    return csv_response("actions", header, _lines(runs, columns))


def _lines(runs: QuerySet[ActionRun], columns: list[Column]) -> Iterator[tuple[Any, ...]]:
    for some in batched(runs.iterator(chunk_size=CHUNK), CHUNK):
        standings = standings_of(some)
        for run in some:
            cells = [column.cell(run, standings[run.pk]) for column in columns]
            yield (run.number, title_of(run), run.target_name, "SIMULATED" if run.simulated else "", *cells)
