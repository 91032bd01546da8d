"""The managers' room: incidents over time, how fast we were, and the rows behind each figure."""

from typing import Any

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import exports
from core.pages import leaf
from core.pagination import Keyset
from reviews.figures import durations, volume
from reviews.figures.rows import HEADER, Figure, as_csv, as_row
from reviews.figures.summary import CSV_HEADER, as_rows, summarise
from reviews.views.room import Room, tabs_for

NEWEST = Keyset(("created", "id"))


@require_safe
@requires(keys.READ_REPORTS)
def figures(request: AccountRequest) -> HttpResponse:
    room = Room.enter(request, "figures")
    by = request.GET.get("by", "severity")
    by = by if by in volume.BY else "severity"
    now, then = volume.both_totals(room.population, room.period)
    context = {
        **room.context(),
        "totals": _compared(now, then),
        "cards": durations.cards(room.population, room.period),
        "measures": durations.MEASURES.values(),
        "by_severity": durations.table(room.population, room.period),
        "chart": volume.over_time(room.population, room.period, by),
        "by": by,
        "bys": [{"key": key, "label": label, "current": key == by} for key, label in volume.BY.items()],
    }
    return render(request, "reviews/figures.html", context)


def _compared(now: dict[str, int], then: dict[str, int]) -> dict[str, Any]:
    def share(found: dict[str, int]) -> int | None:
        return round(100 * found["false_positives"] / found["classified"]) if found["classified"] else None

    changes = {f"{name}_change": now[name] - then[name] for name in ("opened", "closed")}
    return {**now, **changes, "before": then, "false_share": share(now), "false_share_before": share(then)}


@require_safe
@requires(keys.READ_REPORTS)
def figures_csv(request: AccountRequest) -> StreamingHttpResponse:
    """All figures of the page as one table."""
    room = Room.enter(request, "figures")
    found = summarise(room.population, room.period)
    return exports.csv_response("figures", CSV_HEADER, as_rows(found))


@require_safe
@requires(keys.READ_REPORTS)
def rows(request: AccountRequest) -> HttpResponse:
    """The incidents behind one figure, with the times that it was computed from."""
    room, figure = Room.enter(request, "figures"), _figure(request)
    found = figure.rows(room.population, room.period)
    page = leaf(found.for_rows(), NEWEST, purpose="figure-rows", cursor=request.GET.get("cursor", ""))
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        **room.context(),
        "tabs": tabs_for(request.user, "figures", room.address),
        "figure": figure,
        "rows": [as_row(incident) for incident in page.rows],
        "total": found.counted(),
        "query": query.urlencode(),
        "newer_url": f"?{query.urlencode()}&cursor={page.newer}" if page.newer else "",
        "older_url": f"?{query.urlencode()}&cursor={page.older}" if page.older else "",
    }
    return render(request, "reviews/rows.html", context)


@require_safe
@requires(keys.READ_REPORTS)
def rows_csv(request: AccountRequest) -> StreamingHttpResponse:
    room, figure = Room.enter(request, "figures"), _figure(request)
    found = NEWEST.order(figure.rows(room.population, room.period).for_rows())[: exports.MAX_ROWS]
    return exports.csv_response(figure.key, HEADER, (as_csv(one) for one in found.iterator(chunk_size=1000)))


def _figure(request: AccountRequest) -> Figure:
    figure = Figure.read(request.GET.dict())
    if figure is None:
        raise Http404
    return figure
