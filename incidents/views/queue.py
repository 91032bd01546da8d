"""The incident queue: list, rows, alerts of a row, filters, export."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core import clock, exports
from core.pages import leaf
from incidents.columns import columns_of, name_width
from incidents.forms import FilterForm
from incidents.models import Alert, Incident
from incidents.queries.incidents import IncidentQuerySet
from incidents.queue import DEFAULTS, LABELS, QueueFilters, blocking_filter, group_names, standard_with
from incidents.queue_view import QueueView
from incidents.rows import IncidentRow, as_rows
from incidents.strip import strip_for

_OPEN = "status=active&status=inProgress&status=awaitingAction"
VIEWS = (
    ("Standard", standard_with()),
    ("All open", _OPEN),
    ("Mine", f"{_OPEN}&owner=me"),
    ("Unassigned", f"{_OPEN}&owner=nobody"),
    ("High", f"{_OPEN}&severity=high"),
    ("High and unassigned", f"{_OPEN}&severity=high&owner=nobody"),
    (
        "Overdue or at risk",
        f"{_OPEN}&level=breached&level=atRisk&sort=due",
    ),
    ("Resolved, last 30 days", "status=resolved&window=30d"),
)
MOST_ALERTS = 200
MOST_ARRIVED = 500
CSV_HEADER = (
    "number", "name", "severity", "status", "priority", "owner", "alerts", "active alerts", "categories", "techniques",
    "tags", "sources", "devices", "accounts", "mailboxes", "first activity", "last activity", "created", "resolved",
    "classification", "determination", "service level", "target", "demo data",
)  # fmt: skip


@require_safe
@requires(keys.READ)
def queue(request: AccountRequest) -> HttpResponse:
    """The list with its strip, chips and foot."""
    view = QueueView.read(request.GET, request.user)
    filters, sort = view.filters, view.sort
    rows = filters.apply(Incident.objects.visible_to(request.user).listed(), user=request.user, now=clock.now())
    shown = _with_names(rows, request.user)
    page = leaf(shown, view.keyset, purpose=f"queue:{sort}", cursor=request.GET.get("cursor", ""))
    columns = columns_of(request.user)
    context = {
        "rows": as_rows(page.rows, request.user),
        "total": rows.counted(),
        "filters": filters,
        "sort": sort,
        "view": view,
        "views": VIEWS,
        "columns": columns,
        "name_width": name_width(columns),
        "may_manage": request.user.holds(keys.MANAGE_ALERTS),
        "strip": strip_for(request.user),
        **_chips(filters, request.user, sort),
        **_links(request, page.newer, page.older),
    }
    if not page.rows:
        context["hint"] = _hint(filters, request.user, sort)
    return render(request, "incidents/queue.html", context)


def _with_names(rows: IncidentQuerySet, user: User) -> IncidentQuerySet:
    """For the rows that are shown only: what is counted has no need of names."""
    return rows.for_rows().with_shown_name(user)


def _chips(filters: QueueFilters, user: User, sort: str) -> dict[str, Any]:
    owners = [int(value) for value in filters.values.get("owner", []) if value.isdecimal() and len(value) < 18]
    people = {str(person.pk): person.name_and_state for person in User.objects.filter(pk__in=owners)} if owners else {}
    groups = group_names(user) if "group" in filters.values else {}
    return {
        "chips": filters.chips(people, groups, sort=sort),
        "add_url": f"{reverse('incidents:filters')}?{filters.address(sort=sort)}",
        "clear_url": "" if filters.is_default else reverse("incidents:queue"),
    }


def _links(request: AccountRequest, newer: str, older: str) -> dict[str, str]:
    def leafed(cursor: str) -> str:
        params = request.GET.copy()
        params["cursor"] = cursor
        return f"?{params.urlencode()}"

    first = request.GET.copy()
    first.pop("cursor", None)
    return {
        "newer_url": leafed(newer) if newer else "",
        "older_url": leafed(older) if older else "",
        "list_url": f"{reverse('incidents:queue')}?{first.urlencode()}",
        "list_link": request.build_absolute_uri(f"{reverse('incidents:queue')}?{first.urlencode()}"),
        "export_url": f"{reverse('incidents:export')}?{first.urlencode()}",
        "arrived_url": f"{reverse('incidents:arrived')}?{first.urlencode()}",
    }


def _hint(filters: QueueFilters, user: User, sort: str) -> dict[str, Any]:
    found = blocking_filter(filters, user=user, now=clock.now())
    if found is None:
        return {}
    name, count = found
    return {"label": LABELS[name], "count": count, "url": f"?{filters.without(name).address(sort=sort)}"}


@require_safe
@requires(keys.READ)
def arrived(request: AccountRequest) -> JsonResponse:
    """How many of the incidents that the live stream told of (`ids`) these filters would show."""
    ids = [int(text) for text in request.GET.get("ids", "").split(",") if text.isdecimal() and len(text) < 18]
    filters = QueueView.read(request.GET, request.user).filters
    rows = Incident.objects.visible_to(request.user).listed().filter(pk__in=ids[:MOST_ARRIVED])
    return JsonResponse({"count": filters.apply(rows, user=request.user, now=clock.now()).count()})


@require_safe
@requires(keys.READ)
def row(request: AccountRequest, pk: int) -> HttpResponse:
    """One row again, after something changed."""
    incident = get_object_or_404(Incident.objects.visible_to(request.user).for_rows(), pk=pk)
    only: IncidentRow = as_rows([incident], request.user)[0]
    context = {
        "row": only,
        "changed": True,
        "columns": columns_of(request.user),
        "may_manage": request.user.holds(keys.MANAGE_ALERTS),
    }
    return render(request, "incidents/queue_row.html", context)


@require_safe
@requires(keys.READ)
def row_alerts(request: AccountRequest, pk: int) -> HttpResponse:
    """The alerts inside a row; what lies outside the person's scope is counted."""
    incident = get_object_or_404(Incident.objects.visible_to(request.user), pk=pk)
    alerts = Alert.objects.visible_to(request.user).filter(incident=incident)
    shown = list(alerts.order_by("first_activity", "id")[:MOST_ALERTS])
    total = incident.alerts.count()
    visible = total if request.user.scope.everything else alerts.count()
    context = {"incident": incident, "alerts": shown, "hidden": total - visible, "more": visible - len(shown)}
    return render(request, "incidents/queue_alerts.html", context)


@require_safe
@requires(keys.READ)
def filters(request: AccountRequest) -> HttpResponse:
    """The dialog in which filters are set; its form leads to the queue."""
    current = QueueView.read(request.GET, request.user).filters
    form = FilterForm.for_user(request.user, values=current.values)
    context = {"form": form, "sort": request.GET.get("sort", ""), "is_default": current.values == DEFAULTS}
    return render(request, "incidents/filters.html", context)


@require_safe
@requires(keys.READ)
def export(request: AccountRequest) -> StreamingHttpResponse:
    """What is filtered, as CSV, at most 10,000 rows."""
    view = QueueView.read(request.GET, request.user)
    rows = view.filters.apply(Incident.objects.visible_to(request.user).listed(), user=request.user, now=clock.now())
    ordered = view.keyset.order(_with_names(rows, request.user))[: exports.MAX_ROWS]
    return exports.csv_response("incidents", CSV_HEADER, _csv_rows(ordered.iterator(chunk_size=1000)))


def _csv_rows(incidents: Iterator[Incident]) -> Iterator[tuple[Any, ...]]:
    for one in incidents:
        counts, assets = one.alert_counts, one.impacted_assets
        yield (
            one.number, one.display_name, one.get_severity_display(), one.get_status_display(), one.priority_score,
            str(one.assigned_to or ""), counts.get("total", 0), counts.get("active", 0), one.categories,
            one.mitre_techniques, one.custom_tags, one.service_sources, assets.get("devices", 0),
            assets.get("identities", 0), assets.get("mailboxes", 0), one.first_activity, one.last_activity,
            one.created, one.resolved, one.get_classification_display(), one.get_determination_display(),
            one.get_sla_state_display(), one.sla_due, "SIMULATED" if one.exercise else "",
        )  # fmt: skip
