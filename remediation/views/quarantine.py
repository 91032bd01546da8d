"""What lies in quarantine where, since when and by which run."""

from collections.abc import Collection, Iterator, Sequence
from itertools import batched
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.exports import MAX_ROWS, csv_response
from core.filters import at_cursor
from core.pages import leaf
from core.pagination import Keyset, counted
from remediation.models import ActionRun, QuarantinedItem
from remediation.services.quarantined import drifts_of, several_of

NEWEST = Keyset(("since", "id"))
CHUNK = 500
BY_ITSELF = "the device itself"
CSV_COLUMNS = ("device", "file", "path", "sha256", "size", "since", "run", "drift")


@requires(keys.READ)
def quarantine(request: AccountRequest) -> HttpResponse:
    """The list, narrowed by `?q=`: a name, path, hash or device."""
    found = _matching(request)
    page = leaf(found, NEWEST, purpose="quarantine", cursor=request.GET.get("cursor", ""))
    context = {
        "rows": _rows(page.rows),
        "q": request.GET.get("q", "")[:100],
        "most": MAX_ROWS,
        "total": counted(found),
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
        "may": request.user.holds(keys.REQUEST_RESPONSE),
        "pending_total": counted(ActionRun.objects.visible_to(request.user).top_level().pending()),
    }
    return render(request, "remediation/quarantine.html", context)


@requires(keys.READ)
def quarantine_csv(request: AccountRequest) -> HttpResponseBase:
    """The same rows, at most 10,000."""
    return csv_response("quarantine", CSV_COLUMNS, _lines(NEWEST.order(_matching(request))[:MAX_ROWS]))


def _matching(request: AccountRequest) -> QuerySet[QuarantinedItem]:
    rows = QuarantinedItem.objects.visible_to(request.user).held().select_related("device", "file", "run", "indicator")
    text = request.GET.get("q", "").strip().replace("\x00", "")[:100]
    if text:
        rows = rows.filter(
            Q(name__icontains=text) | Q(path__icontains=text) | Q(sha256__startswith=text.lower())
            | Q(device__display_name__icontains=text)
        )  # fmt: skip
    return rows


def _rows(items: Sequence[QuarantinedItem]) -> list[dict[str, Any]]:
    drifts = drifts_of(items)
    beside = several_of({item.run_id for item in items if item.run_id})
    return [
        {
            "item": item,
            "run_url": reverse("remediation:run", args=[item.run_id]) if item.run_id else "",
            "drift": drifts.get(item.pk),
            "restore_url": _restore_url(item, beside),
        }
        for item in items
    ]


def _restore_url(item: QuarantinedItem, beside: Collection[int]) -> str:
    """The undo of the run that took it. What the device took by itself, and one of several that a run took, is asked
    for by itself, and the dialog offers the others."""
    if item.run_id and not (item.run_id in beside and item.item and item.file_id):
        return reverse("remediation:undo", args=[item.run_id])
    if not item.file_id:
        return ""
    return f"{reverse('remediation:ask', args=['file', item.file_id, 'file.restore'])}?copy={item.pk}"


def _lines(rows: QuerySet[QuarantinedItem]) -> Iterator[tuple[Any, ...]]:
    for some in batched(rows.iterator(chunk_size=CHUNK), CHUNK):
        for row in _rows(some):
            item, drift = row["item"], row["drift"]
            yield (str(item.device), item.name, item.path, item.sha256, item.size, item.since,
                   item.run.number if item.run else str(item.indicator or BY_ITSELF),
                   drift.observed if drift else "")  # fmt: skip
