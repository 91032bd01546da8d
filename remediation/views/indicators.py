"""The list of indicators, its export, and which of them wins."""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import DeviceGroup, User
from core import clock
from core.exports import MAX_ROWS, csv_response
from core.pages import leaf
from core.pagination import Keyset, counted
from incidents.enums import Severity
from incidents.models import Device
from remediation.enums import IndicatorAction, IndicatorSource, IndicatorStatus, IndicatorType
from remediation.indicator_forms import WhichForm
from remediation.indicator_values import clean_value, guess_type
from remediation.models import Indicator
from remediation.queries.indicators import IndicatorQuerySet
from remediation.services.find_indicators import conflicts_among, indicators_on
from remediation.services.import_indicators import COLUMNS

ORDER = Keyset(("updated", "id"))
MOST_DIGITS = 18
FACETS: dict[str, tuple[str, dict[str, str]]] = {
    "status": ("Status", {str(value): str(label) for value, label in IndicatorStatus.choices}),
    "action": ("Action", {str(value): str(label) for value, label in IndicatorAction.choices}),
    "type": ("Type", {str(value): str(label) for value, label in IndicatorType.choices}),
    "severity": ("Severity", {str(value): str(label) for value, label in Severity.choices if value != "unknown"}),
    "source": ("Source", {str(value): str(label) for value, label in IndicatorSource.choices}),
}
PILLS = {"allowed": "ok", "audit": "line", "warn": "warn", "block": "danger", "blockAndRemediate": "danger"}


@require_safe
@requires(keys.READ)
def indicator_list(request: AccountRequest) -> HttpResponse:
    """Those that hold for devices in my scope, the newest change first; without a filter, the active ones."""
    rows = _chosen(request)
    page = leaf(rows, ORDER, purpose="indicators", cursor=request.GET.get("cursor", ""))
    against = conflicts_among(page.rows, user=request.user)
    context = {
        "rows": [{**row_of(one), "against": against.get(one.pk)} for one in _with_state(page.rows)],
        "total": counted(rows),
        "facets": _facets(request.GET),
        "search": _words(request.GET),
        "kept": [(name, one) for name in (*FACETS, "device") for one in request.GET.getlist(name)],
        "device": _device(request),
        "anywhere": _url(request.GET, device="", cursor=""),
        "newer_url": _url(request.GET, cursor=page.newer) if page.newer else "",
        "older_url": _url(request.GET, cursor=page.older) if page.older else "",
        "may_manage": request.user.holds(keys.DECIDE_RESPONSE),
    }
    return render(request, "remediation/indicators.html", context)


@require_safe
@requires(keys.READ)
def export(request: AccountRequest) -> HttpResponseBase:
    """The filtered list as CSV, in the columns of the import and some more."""
    names = group_names()
    rows = _chosen(request).order_by("-updated", "-id")[:MAX_ROWS]
    head = (*COLUMNS, "number", "status", "source", "created", "updated")
    return csv_response("indicators", head, _lines(rows, names))


@require_safe
@requires(keys.READ)
def which(request: AccountRequest) -> HttpResponse:
    """Which indicators match one value, and which of them wins."""
    form = WhichForm(request.GET or None, user=request.user)
    context: dict[str, Any] = {"form": form, "asked": False}
    if request.GET and form.is_valid():
        context |= _which(form, request.user)
    return render(request, "remediation/indicator_which.html", context)


def _which(form: WhichForm, user: User) -> dict[str, Any]:
    kind = guess_type(form.cleaned_data["value"])
    if not kind:
        form.add_error("value", ValidationError("This is no hash, public address, domain or URL."))
        return {}
    group = form.cleaned_data["group"]
    value = clean_value(kind, form.cleaned_data["value"])
    found = indicators_on(kind, value, user=user, group=int(group) if group else None)
    rows = [{**row_of(one), "wins": one == found.best} for one in _with_state(found.matching)]
    return {"asked": True, "rows": rows, "best": found.best, "kind": IndicatorType(kind).label, "value": value}


def row_of(indicator: Indicator) -> dict[str, Any]:
    """One line of the list. Its enforcements are fetched with it."""
    enforcements = list(indicator.enforcements.all())
    followed = sum(one.is_as_wanted and one.observed_at is not None for one in enforcements)
    return {
        "indicator": indicator,
        "pill": PILLS[indicator.action],
        "followed": followed,
        "connections": len(enforcements),
        "told": f"{followed} of {len(enforcements)}",
        "lags": followed < len(enforcements),
        "soon": bool(indicator.is_active and indicator.expires_at and (indicator.expires_at - clock.now()).days < 3),
    }


def group_names() -> dict[int, str]:
    return dict(DeviceGroup.objects.values_list("pk", "name"))


def _chosen(request: AccountRequest) -> IndicatorQuerySet:
    rows = Indicator.objects.visible_to(request.user)
    for name, (_, labels) in FACETS.items():
        wanted = [value for value in request.GET.getlist(name) if value in labels]
        if name == "status" and not wanted:
            wanted = [IndicatorStatus.ACTIVE.value]
        if wanted:
            rows = rows.filter(**{f"{name}__in": wanted})
    if (device := _device(request)) is not None:
        rows = rows.on_device(device)
    words = _words(request.GET)
    return rows.filter(Q(value__has_text=words) | Q(title__has_text=words)) if words else rows


def _device(request: AccountRequest) -> Device | None:
    """The one in scope that the list is narrowed to; nothing is shown for one that is not."""
    text = request.GET.get("device", "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise Http404
    return get_object_or_404(Device.objects.visible_to(request.user), pk=int(text))


def _with_state(rows: Iterable[Indicator]) -> list[Indicator]:
    ids = [row.pk for row in rows]
    found = {row.pk: row for row in Indicator.objects.filter(pk__in=ids).prefetch_related("enforcements")}
    return [found[pk] for pk in ids if pk in found]


def _facets(query: QueryDict) -> list[dict[str, Any]]:
    """Each filter with its values as links that switch them on and off."""
    facets = []
    for name, (label, labels) in FACETS.items():
        chosen = [value for value in query.getlist(name) if value in labels]
        shown = chosen or (["active"] if name == "status" else [])
        items = [
            {"label": text, "on": value in shown, "url": _switched(query, name, value, chosen)}
            for value, text in labels.items()
        ]
        facets.append({"label": label, "items": items})
    return facets


def _switched(query: QueryDict, name: str, value: str, chosen: list[str]) -> str:
    left = [one for one in chosen if one != value] if value in chosen else [*chosen, value]
    rest = query.copy()
    rest.pop("cursor", None)
    rest.setlist(name, left)
    return f"?{rest.urlencode()}"


def _url(query: QueryDict, **more: str) -> str:
    pairs = [(name, value) for name, values in query.lists() for value in values if name not in more]
    return f"?{urlencode([*pairs, *more.items()])}"


def _words(query: QueryDict) -> str:
    return query.get("search", "").replace("\x00", "").strip()[:200]


def _lines(rows: Iterable[Indicator], names: dict[int, str]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        groups = ",".join(names.get(pk, "") for pk in row.device_group_ids)
        yield (
            row.type, row.value, row.action, row.title, row.description, row.expires_at, row.severity,
            row.recommended_actions, groups, row.category, ",".join(row.techniques), str(row.generate_alert),
            row.number, row.status, row.source, row.created, row.updated,
        )  # fmt: skip
